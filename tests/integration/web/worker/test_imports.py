"""Imports as a worker runs them: in a process of their own that may die, as may the worker and PostgreSQL."""

import io
import zipfile
from collections.abc import Callable, Iterator
from http import HTTPStatus

import psutil
import pytest

from luna_web.shared.runtime import Runtime
from tests.integration import servers
from tests.integration.servers import wait_until
from tests.integration.web.worker.processes import ENDS_WITHIN_S, WorkerProcess
from tests.integration.world import Api, Json, data
from tests.unit.web.book.imports.files import csv_file

Start = Callable[[], WorkerProcess]
MANY = 10_000
"""Ten batches."""
FILE = csv_file([{"title": f"Volume {number}", "barcode": f"B{number:05}"} for number in range(MANY)])
CANCELLED_FILE = csv_file([{"title": f"Part {number}", "barcode": f"P{number:05}"} for number in range(MANY)])
ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture(autouse=True)
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNA_IMPORT_LEASE_SECONDS", "1")


TURNSTILE = """
CREATE TABLE turnstile (titles float8 NOT NULL);
INSERT INTO turnstile VALUES (-1);
GRANT SELECT ON turnstile TO luna_app;
CREATE FUNCTION pass_the_turnstile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WHILE (SELECT count(*) FROM books) > (SELECT titles FROM turnstile)
        AND clock_timestamp() < statement_timestamp() + interval '2 seconds' LOOP
    PERFORM pg_sleep(0.02);
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER turnstile BEFORE INSERT ON books FOR EACH STATEMENT EXECUTE FUNCTION pass_the_turnstile()
"""


class Turnstile:
    """Batches land one by one, each when its test wants it: there must be something left for others.

    PostgreSQL would cancel whoever waits for long, so that after two seconds one passes of itself. That a file has ten
    is for a test that comes late.
    """

    def __init__(self, server: servers.Postgres) -> None:
        self._server = server

    def let_one_pass(self) -> None:
        self._run("UPDATE turnstile SET titles = (SELECT count(*) FROM books)")

    def let_all_pass(self) -> None:
        self._run("UPDATE turnstile SET titles = 'infinity'")

    def put_up(self) -> None:
        self._run(TURNSTILE)

    def take_down(self) -> None:
        self._run("DROP FUNCTION pass_the_turnstile CASCADE; DROP TABLE turnstile")

    def _run(self, statements: str) -> None:
        with self._server.admin("luna") as connection:
            connection.execute(statements)


@pytest.fixture
def turnstile(postgres_server: servers.Postgres, runtime: Runtime) -> Iterator[Turnstile]:
    turnstile = Turnstile(postgres_server)
    turnstile.put_up()
    yield turnstile
    turnstile.take_down()


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

    wait_until("the import has ended", ended)
    return look(api, job_id)


def let_some_land(turnstile: Turnstile, api: Api, job_id: str) -> None:
    """A batch of it, or one more, lands, and it is not through."""
    landed = look(api, job_id)["rows_read"]
    turnstile.let_one_pass()
    wait_until("it goes on", lambda: look(api, job_id)["rows_read"] > landed)
    assert look(api, job_id)["state"] == "RUNNING"


def once(job: Json) -> bool:
    """Each record is there once, with its copy."""
    stats = (job["state"], job["added"], job["copies_added"], job["rejected"], job["updated"], job["unchanged"])
    return stats == ("COMPLETED", MANY, MANY, 0, 0, 0)


def importing_processes(worker: WorkerProcess) -> list[psutil.Process]:
    return psutil.Process(worker.process.pid).children()


def test_whoever_ends_another_goes_on(turnstile: Turnstile, start_worker: Start, librarian: Api) -> None:
    """The importing process is killed, which its worker replaces; the worker is asked to end, its successor killed."""
    first = start_worker().wait_ready()
    job_id = send(librarian, FILE)
    let_some_land(turnstile, librarian, job_id)
    importing_processes(first)[0].kill()
    let_some_land(turnstile, librarian, job_id)

    first.process.terminate()
    assert first.process.wait(ENDS_WITHIN_S) == 0, first.log
    second = start_worker()
    let_some_land(turnstile, librarian, job_id)

    importing = importing_processes(second)
    second.kill()
    wait_until("its import has ended with it", lambda: not any(one.is_running() for one in importing))
    assert look(librarian, job_id)["state"] == "RUNNING"
    turnstile.let_all_pass()
    start_worker()

    assert once(wait_ended(librarian, job_id))


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
    turnstile: Turnstile, start_worker: Start, librarian: Api, postgres_server: servers.Postgres
) -> None:
    """Files that were made to harm, an import that is cancelled midway, PostgreSQL throwing everybody out."""
    worker = start_worker().wait_ready()

    sent = {name: send(librarian, content) for name, (content, _) in HOSTILE.items()}
    for name, (_, says) in HOSTILE.items():
        job = wait_ended(librarian, sent[name])
        assert (job["state"], says in (job["failure"] or "")) == ("FAILED", True), (name, job["failure"])
    turnstile.let_one_pass()
    deep = b'{"title": ' + b"[" * 200_000 + b"}\n" + b'{"title": "Dune"}\n' + b"x" * 3_000_000
    job = wait_ended(librarian, send(librarian, deep))
    assert (job["state"], job["added"], job["rejected"]) == ("COMPLETED", 1, 2)

    cancelled = send(librarian, CANCELLED_FILE)
    let_some_land(turnstile, librarian, cancelled)
    librarian.put(f"/books/imports/{cancelled}/cancel")
    wait_until("its process has ended", lambda: not importing_processes(worker))
    assert look(librarian, cancelled)["state"] == "CANCELLED"
    assert 0 < look(librarian, cancelled)["added"] < MANY

    job_id = send(librarian, FILE)
    let_some_land(turnstile, librarian, job_id)
    with postgres_server.admin() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'luna'")
    turnstile.let_all_pass()

    assert once(wait_ended(librarian, job_id))
    assert worker.process.poll() is None
