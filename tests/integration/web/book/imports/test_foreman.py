"""How a worker watches the processes that import."""

import subprocess
import sys
from uuid import UUID

import pytest

from luna_web.book.imports import foreman
from luna_web.book.imports.domain import TRY_LATER
from luna_web.book.imports.foreman import MOST_ATTEMPTS, Foreman
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory
from tests.integration.web.book.imports.desk import Desk, counts
from tests.unit.web.book.imports.files import csv_file

FILE = csv_file([{"title": "Dune"}])


def program(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


class Launcher:
    """Starts a program that is no importer, and keeps it for the test to look at."""

    def __init__(self, code: str) -> None:
        self._code = code
        self.started: list[subprocess.Popen[bytes]] = []

    def __call__(self, job_id: UUID, claim_id: UUID) -> "subprocess.Popen[bytes]":
        self.started.append(program(self._code))
        return self.started[-1]


@pytest.fixture
def impatient(settings: Settings) -> Settings:
    return settings.model_copy(update={"import_silence_seconds": 1.0})


def test_a_process_that_falls_silent_is_ended_and_its_job_is_tried_again(
    desk: Desk, impatient: Settings, import_factory: SessionFactory
) -> None:
    job = desk.send(FILE)
    launcher = Launcher("import time; time.sleep(60)")

    Foreman(import_factory, impatient, launcher).work_once()

    assert launcher.started[0].returncode == -9
    assert desk.rows("SELECT state, attempts FROM import_jobs") == [{"state": "QUEUED", "attempts": 1}]
    assert desk.work()
    assert counts(desk.job(job["id"])) == (1, 0, 0, 0)


def test_who_loses_a_database_that_is_there_again_and_again_makes_its_job_fail(
    desk: Desk, settings: Settings, import_factory: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = desk.send(FILE)
    monkeypatch.setattr(foreman, "TRY_LATER_SECONDS", 0)
    launcher = Launcher(f"raise SystemExit({TRY_LATER})")

    while Foreman(import_factory, settings, launcher).work_once():
        pass

    assert desk.job(job["id"])["state"] == "FAILED"
    assert [process.returncode for process in launcher.started] == [TRY_LATER] * MOST_ATTEMPTS
    assert desk.events(job["id"])[-1] == "catalog.import.failed"


def test_a_process_that_breaks_leaves_the_job_to_be_tried_again(
    desk: Desk, settings: Settings, import_factory: SessionFactory
) -> None:
    job = desk.send(FILE)

    Foreman(import_factory, settings, Launcher("raise SystemExit(3)")).work_once()

    assert desk.job(job["id"])["state"] == "QUEUED"
    assert desk.work()
    assert counts(desk.job(job["id"])) == (1, 0, 0, 0)


def test_a_process_that_breaks_every_time_makes_its_job_fail(
    desk: Desk, settings: Settings, import_factory: SessionFactory
) -> None:
    job = desk.send(FILE)
    watching = Foreman(import_factory, settings, Launcher("raise SystemExit(3)"))
    watching.stopping.set()  # so that it does not wait between tries

    while watching.work_once():
        pass

    assert desk.job(job["id"])["state"] == "FAILED"


def test_there_is_nothing_to_do_without_a_job(settings: Settings, import_factory: SessionFactory) -> None:
    assert not Foreman(import_factory, settings, Launcher("")).work_once()
