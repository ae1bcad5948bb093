"""Whoever dies, cancels or interferes in the middle: each record is done once."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from luna_web.book.imports import importing, repository, run
from luna_web.book.imports.batches import BATCH
from luna_web.book.imports.foreman import MOST_ATTEMPTS, Foreman
from luna_web.book.imports.importing import Claim, ClaimLost, Import, StopAsked
from luna_web.book.imports.run import prepared_factory
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from tests.integration.servers import wait_until
from tests.integration.web.book.imports.desk import LEASE, Desk, counts
from tests.integration.world import Catalog
from tests.unit.web.book.imports.files import csv_file

ROOT = Path(__file__).resolve().parents[5] / "web_api"
ROWS = [{"title": f"Volume {number}", "isbn": "", "barcode": f"B{number:05}"} for number in range(3 * BATCH)]
FILE = csv_file(ROWS)


class Died(BaseException):
    """kill -9, as far as a test in one process can tell."""


def dying_after(batches: int) -> Callable[[], None]:
    left = [batches]

    def committed() -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise Died

    return committed


class TestDeath:
    @pytest.mark.parametrize("batches", [1, 2, 3])
    def test_another_goes_on_behind_the_last_batch(self, desk: Desk, batches: int) -> None:
        job = desk.send(FILE)
        with pytest.raises(Died):
            desk.work(dying_after(batches))
        assert desk.job(job["id"])["rows_read"] == batches * BATCH
        assert not desk.work(), "the dead one still has its lease"

        desk.forget_claims()
        desk.work()

        done = desk.job(job["id"])
        assert (done["state"], counts(done), done["copies_added"]) == ("COMPLETED", (3 * BATCH, 0, 0, 0), 3 * BATCH)
        assert len(desk.copies()) == len(desk.books()) == 3 * BATCH

    def test_who_comes_back_late_can_write_nothing(self, desk: Desk, import_factory: SessionFactory) -> None:
        job = desk.send(FILE)

        def overtaken() -> None:
            desk.forget_claims()
            assert desk.work()

        with pytest.raises(ClaimLost):
            desk.work(overtaken)

        assert counts(desk.job(job["id"])) == (3 * BATCH, 0, 0, 0)
        assert len(desk.books()) == 3 * BATCH

    def test_a_job_that_breaks_its_process_again_and_again_is_given_up(
        self, desk: Desk, settings: Settings, import_factory: SessionFactory
    ) -> None:
        job = desk.send(FILE)
        with pytest.raises(Died):
            desk.work(dying_after(1))
        for _ in range(MOST_ATTEMPTS):
            desk.forget_claims()
            with transaction(import_factory) as session:
                assert repository.claim(session, uuid4(), LEASE, MOST_ATTEMPTS)
        desk.forget_claims()

        assert Foreman(import_factory, settings).work_once()

        failed = desk.job(job["id"])
        assert (failed["state"], failed["rows_read"]) == ("FAILED", BATCH)
        assert failed["failure"] == "the import broke off 5 times behind record 1,000; the next records break it"
        assert desk.events(job["id"])[-1] == "catalog.import.failed"

    def test_a_process_that_is_asked_to_end_leaves_the_job_to_the_next(
        self, desk: Desk, import_factory: SessionFactory
    ) -> None:
        job = desk.send(FILE)
        claim_id = uuid4()
        with transaction(import_factory) as session:
            found = repository.claim(session, claim_id, LEASE, 5)
        assert found is not None

        with pytest.raises(StopAsked):
            Import(import_factory, Claim(found.id, claim_id, LEASE), stop_asked=lambda: True).run()
        with transaction(import_factory) as session:
            assert repository.let_go(session, found.id, claim_id, unharmed=True)

        assert desk.job(job["id"])["rows_read"] == BATCH
        assert desk.work()
        assert counts(desk.job(job["id"])) == (3 * BATCH, 0, 0, 0)


class TestMemory:
    def test_a_file_that_needs_too_much_fails_its_job(
        self, desk: Desk, settings: Settings, import_factory: SessionFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = desk.send(FILE)
        with transaction(import_factory) as session:
            claimed = repository.claim(session, uuid4(), LEASE, 5)
        assert claimed is not None
        assert claimed.claimed_by is not None
        claim = Claim(claimed.id, claimed.claimed_by, LEASE)
        monkeypatch.setattr(importing, "open_reader", out_of_memory)

        run.see_through(Import(import_factory, claim), import_factory, claim, settings)

        failed = desk.job(job["id"])
        assert failed["state"] == "FAILED"
        assert failed["failure"].startswith("the file needs more memory than an import may use (1024 MiB)")

    def test_the_process_gets_no_more_than_it_may_have(self) -> None:
        code = "from luna_web.book.imports.run import limit_yourself; limit_yourself(512); bytearray(600 << 20)"

        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)

        assert "MemoryError" in done.stderr


def out_of_memory(*_: object) -> None:
    raise MemoryError


class TestCancel:
    def test_in_the_middle_it_stops_and_what_has_landed_stays(self, desk: Desk) -> None:
        job = desk.send(FILE)

        with pytest.raises(ClaimLost):
            desk.work(lambda: desk.api.put(f"/books/imports/{job['id']}/cancel") and None)

        cancelled = desk.job(job["id"])
        assert (cancelled["state"], cancelled["added"]) == ("CANCELLED", BATCH)
        assert len(desk.books()) == BATCH


class TestTogether:
    def test_two_imports_of_one_file_at_once_bring_each_title_once(self, desk: Desk) -> None:
        jobs = [desk.send(FILE)["id"] for _ in range(2)]
        together = threading.Barrier(2)

        def work() -> None:
            together.wait(10)
            while any(desk.rows("SELECT 1 FROM import_jobs WHERE state IN ('QUEUED', 'RUNNING')")):
                desk.work()

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(work) for _ in range(2)]:
                done.result(timeout=60)

        assert sorted(counts(desk.job(job)) for job in jobs) == [(0, 0, 3 * BATCH, 0), (3 * BATCH, 0, 0, 0)]
        assert len(desk.books()) == len(desk.copies()) == 3 * BATCH

    def test_one_runs_at_a_time(self, desk: Desk) -> None:
        desk.send(FILE)
        desk.send(FILE)

        def another() -> None:
            assert not desk.work()

        desk.work(another)

    def test_a_title_that_a_librarian_adds_at_the_same_moment_is_found_by_the_next_try(
        self, desk: Desk, catalog: Catalog, settings: Settings
    ) -> None:
        """The librarian's row is not committed when the batch looks, and is when it writes."""
        job = desk.send(csv_file([{"title": "Dune", "isbn": "9780441172719", "publisher": "Ace"}, {"title": "Emma"}]))
        engine, other = prepared_factory(settings)
        with other() as session, ThreadPoolExecutor(1) as pool:
            session.execute(
                text("INSERT INTO books (id, title, isbn13) VALUES (gen_random_uuid(), 'Dune', '9780441172719')")
            )
            working = pool.submit(desk.work)
            wait_until("the import waits for the librarian", lambda: waits(desk))
            session.commit()
            working.result(timeout=20)
        engine.dispose()

        assert counts(desk.job(job["id"])) == (1, 1, 0, 0)
        assert [(book["title"], book["publisher"]) for book in desk.books()].count(("Dune", "Ace")) == 1

    def test_a_title_that_a_librarian_changes_at_the_same_moment_keeps_both_changes(
        self, desk: Desk, catalog: Catalog, settings: Settings
    ) -> None:
        book = catalog.add("Dune", isbn13="9780441172719", language="eng")
        desk.send(csv_file([{"title": "Dune", "isbn": "9780441172719", "publisher": "Ace"}]))
        engine, other = prepared_factory(settings)
        with other() as session, ThreadPoolExecutor(1) as pool:
            session.execute(
                text("UPDATE books SET description = 'Sand.', version = version + 1 WHERE id = :id"), {"id": book}
            )
            working = pool.submit(desk.work)
            wait_until("the import waits for the librarian", lambda: waits(desk))
            session.commit()
            working.result(timeout=20)
        engine.dispose()

        (shown,) = desk.books()
        assert (shown["publisher"], shown["description"]) == ("Ace", "Sand.")

    def test_a_title_that_a_librarian_deletes_at_the_same_moment_gets_no_copy(
        self, desk: Desk, catalog: Catalog, settings: Settings
    ) -> None:
        catalog.add("Dune", isbn13="9780441172719", copies=0)
        content = csv_file([{"title": "Dune", "isbn": "9780441172719", "barcode": "B01"}])
        job = desk.send(content)
        engine, other = prepared_factory(settings)
        with other() as session, ThreadPoolExecutor(1) as pool:
            session.execute(text("UPDATE books SET deleted_at = now(), version = version + 1"))
            working = pool.submit(desk.work)
            wait_until("the import waits for the librarian", lambda: waits(desk))
            session.commit()
            working.result(timeout=20)
        engine.dispose()

        assert counts(desk.job(job["id"])) == (1, 0, 0, 0)
        query = "SELECT b.deleted_at FROM copies c JOIN books b ON b.id = c.book_id"
        assert desk.rows(query) == [{"deleted_at": None}]

    def test_while_it_waits_for_a_copy_the_status_of_its_title_is_free(
        self, desk: Desk, catalog: Catalog, settings: Settings
    ) -> None:
        catalog.add("Dune", isbn13="9780441172719", copies=0)
        desk.done(csv_file([{"title": "Dune", "isbn": "9780441172719", "barcode": "B01", "shelf": "A"}]))
        row = {"title": "Dune", "isbn": "9780441172719", "shelf": "C"}
        desk.send(csv_file([{**row, "barcode": "B01"}, {**row, "barcode": "B02"}]))
        engine, other = prepared_factory(settings)
        with other() as session, ThreadPoolExecutor(1) as pool:
            session.execute(text("SELECT 1 FROM copies FOR NO KEY UPDATE"))
            working = pool.submit(desk.work)
            wait_until("the import waits for the desk", lambda: waits(desk))
            try:
                session.execute(text("SELECT 1 FROM book_status FOR NO KEY UPDATE NOWAIT"))
            finally:
                session.rollback()
                working.result(timeout=20)
        engine.dispose()

        assert desk.copies() == [("Dune", "B01", "C"), ("Dune", "B02", "C")]


class TestTooMuchAtOnce:
    def test_a_batch_that_takes_too_long_lands_record_by_record(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write, sizes = importing.writing.write, []

        def slow(connection: Any, purpose: Any, titles: Any, *rest: Any) -> int:
            sizes.append(len(titles))
            if len(titles) > 1:
                connection.execute("SET LOCAL statement_timeout = 1")
                connection.execute("SELECT pg_sleep(10)")
            return write(connection, purpose, titles, *rest)

        monkeypatch.setattr(importing.writing, "write", slow)
        done = desk.done(csv_file([{"title": "Dune"}, {"title": "Emma"}]))

        assert (done["state"], counts(done)) == ("COMPLETED", (2, 0, 0, 0))
        assert sizes == [2, 1, 1]


def waits(desk: Desk) -> bool:
    return bool(desk.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))


class TestTidying:
    def test_what_a_job_needed_is_thrown_away_when_it_has_ended(
        self, desk: Desk, settings: Settings, import_factory: SessionFactory
    ) -> None:
        job = desk.done(FILE)

        Foreman(import_factory, settings)._tidy()

        for table in ("import_chunks", "import_met"):
            assert desk.rows(f"SELECT 1 FROM {table}") == [], table  # noqa: S608
        assert desk.job(job["id"])["added"] == 3 * BATCH

    def test_uploads_that_came_to_nothing_and_old_jobs_are_forgotten(
        self, desk: Desk, settings: Settings, import_factory: SessionFactory
    ) -> None:
        old, young = desk.done(csv_file([{"title": ""}])), desk.send(csv_file([{"title": "Dune"}]))
        foreman = Foreman(import_factory, settings)
        foreman._tidy()
        desk.execute("UPDATE import_jobs SET finished_at = now() - interval '8 days' WHERE id = :id", id=old["id"])

        Foreman(import_factory, settings.model_copy(update={"import_retention_days": 7}))._tidy()

        assert [str(row["id"]) for row in desk.rows("SELECT id FROM import_jobs")] == [young["id"]]
        assert desk.rows("SELECT 1 FROM import_errors") == []
