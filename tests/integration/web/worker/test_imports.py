"""Imports as a worker runs them: in a process of their own that may die, as may the worker and PostgreSQL."""

import io
import zipfile
from collections.abc import Callable, Iterator
from http import HTTPStatus

import psutil
import pytest

from tests.integration import servers
from tests.integration.servers import wait_until
from tests.integration.web.worker.processes import ENDS_WITHIN_S, WorkerProcess
from tests.integration.world import Api, Json, data
from tests.unit.web.book.imports.files import csv_file

Start = Callable[[], WorkerProcess]
MANY = 5_000
FILE = csv_file([{"title": f"Volume {number}", "barcode": f"B{number:05}"} for number in range(MANY)])
CANCELLED_FILE = csv_file([{"title": f"Part {number}", "barcode": f"P{number:05}"} for number in range(MANY)])
ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture(autouse=True)
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNA_IMPORT_LEASE_SECONDS", "1")


@pytest.fixture(autouse=True)
def unhurried(postgres_server: servers.Postgres) -> Iterator[None]:
    """Each batch takes a second: there must be something left for others, however seldom the tests come to look."""
    with postgres_server.admin("luna") as connection:
        connection.execute(
            "CREATE FUNCTION unhurried() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END'"
        )
        connection.execute(
            "CREATE TRIGGER unhurried BEFORE INSERT ON books FOR EACH STATEMENT EXECUTE FUNCTION unhurried()"
        )
    yield
    with postgres_server.admin("luna") as connection:
        connection.execute("DROP FUNCTION unhurried CASCADE")


def send(api: Api, content: bytes) -> str:
    job_id: str = data(api.post("/books/bulk-import", content=content), 202)["id"]
    return job_id


def look(api: Api, job_id: str) -> Json:
    found: Json = data(api.get(f"/books/imports/{job_id}"))
    return found


def wait_ended(api: Api, job_id: str) -> Json:
    def ended() -> bool:
        """A call that PostgreSQL throws out in its midst is a 503: whoever polls asks again."""
        answer = api.get(f"/books/imports/{job_id}")
        return answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE and data(answer)["state"] in ENDED

    wait_until("the import has ended", ended, 60)
    return look(api, job_id)


def wait_midway(api: Api, job_id: str) -> None:
    wait_until("some of it has landed", lambda: look(api, job_id)["rows_read"] > 0)
    assert look(api, job_id)["state"] == "RUNNING"


def once(job: Json) -> bool:
    """Each record is there once, with its copy."""
    stats = (job["state"], job["added"], job["copies_added"], job["rejected"], job["updated"], job["unchanged"])
    return stats == ("COMPLETED", MANY, MANY, 0, 0, 0)


def importing_processes(worker: WorkerProcess) -> list[psutil.Process]:
    return psutil.Process(worker.process.pid).children()


def test_whoever_ends_another_goes_on(start_worker: Start, librarian: Api) -> None:
    """The importing process is killed, which its worker replaces; the worker is asked to end, its successor killed."""
    first = start_worker().wait_ready()
    job_id = send(librarian, FILE)
    wait_midway(librarian, job_id)
    importing_processes(first)[0].kill()
    went_on(librarian, job_id)

    first.process.terminate()
    assert first.process.wait(ENDS_WITHIN_S) == 0, first.log
    second = start_worker()
    went_on(librarian, job_id)

    importing = importing_processes(second)
    second.kill()
    wait_until("its import has ended with it", lambda: not any(one.is_running() for one in importing), 5)
    start_worker()

    assert once(wait_ended(librarian, job_id))


def went_on(api: Api, job_id: str) -> None:
    """Wait until more of it has landed. There must be something left for others."""
    landed = look(api, job_id)["rows_read"]
    wait_until("it goes on", lambda: look(api, job_id)["rows_read"] > landed)
    assert look(api, job_id)["state"] == "RUNNING"


def bomb() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 30_000_000)
    return sink.getvalue()


HOSTILE = {
    "a zip bomb": (bomb(), "as only a zip bomb does"),
    "XML entities": (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b">]><collection/>', "remove its DTD"),
}


def test_a_worker_survives_what_it_is_given(
    start_worker: Start, librarian: Api, postgres_server: servers.Postgres
) -> None:
    """Files that were made to harm, an import that is cancelled midway, PostgreSQL throwing everybody out."""
    worker = start_worker().wait_ready()

    sent = {name: send(librarian, content) for name, (content, _) in HOSTILE.items()}
    for name, (_, says) in HOSTILE.items():
        job = wait_ended(librarian, sent[name])
        assert (job["state"], says in (job["failure"] or "")) == ("FAILED", True), (name, job["failure"])
    deep = b'{"title": ' + b"[" * 200_000 + b"}\n" + b'{"title": "Dune"}\n' + b"x" * 3_000_000
    job = wait_ended(librarian, send(librarian, deep))
    assert (job["state"], job["added"], job["rejected"]) == ("COMPLETED", 1, 2)

    cancelled = send(librarian, CANCELLED_FILE)
    wait_midway(librarian, cancelled)
    librarian.put(f"/books/imports/{cancelled}/cancel")
    wait_until("its process has ended", lambda: not importing_processes(worker))
    assert look(librarian, cancelled)["state"] == "CANCELLED"
    assert 0 < look(librarian, cancelled)["added"] < MANY

    job_id = send(librarian, FILE)
    wait_midway(librarian, job_id)
    with postgres_server.admin() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'luna'")

    assert once(wait_ended(librarian, job_id))
    assert worker.process.poll() is None
