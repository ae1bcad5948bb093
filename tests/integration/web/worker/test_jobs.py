"""Periodic jobs: each run by one worker at its pace, whatever dies or fails."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from luna_web.shared.database import SessionFactory, transaction
from luna_web.worker import periodic
from luna_web.worker.periodic import Periodic, PeriodicJob, Step
from tests.integration.servers import wait_until
from tests.integration.web.worker.processes import WorkerProcess

HOUR = timedelta(hours=1)


def job(name: str, handle: Callable[[Session], int], every: timedelta = HOUR) -> PeriodicJob:
    return PeriodicJob(name, every, (Step("step", handle),))


def runner(factory: SessionFactory, *jobs: PeriodicJob) -> Periodic:
    return Periodic(factory, jobs)


def row(factory: SessionFactory, name: str) -> Any:
    with transaction(factory) as session:
        query = "SELECT *, extract(epoch FROM next_run_at - now()) AS due_in FROM jobs WHERE name = :name"
        return session.execute(text(query), {"name": name}).one()


def make_due(factory: SessionFactory) -> None:
    with transaction(factory) as session:
        session.execute(text("UPDATE jobs SET next_run_at = now()"))


def test_a_job_runs_until_nothing_is_left_and_then_at_its_pace(session_factory: SessionFactory) -> None:
    left = [3, 2, 0]
    jobs = runner(session_factory, job("a", lambda _: left.pop(0)))

    jobs.run_due()
    jobs.run_due()

    assert left == []
    done = row(session_factory, "a")
    assert (done.last_handled, done.last_error, done.failures) == (5, None, 0)
    assert 3590 < done.due_in <= 3600
    assert done.last_finished_at >= done.last_started_at


def test_the_log_tells_what_did_something_and_no_more(session_factory: SessionFactory) -> None:
    counts = {"did": [2, 0], "looked": [3, 0], "nothing": [0]}
    steps = [Step(name, lambda _, left=left: left.pop(0), looks=name == "looked") for name, left in counts.items()]
    jobs = runner(session_factory, *(PeriodicJob(step.name, HOUR, (step,)) for step in steps))
    with capture_logs() as lines:
        jobs.run_due()
    assert [(line["job"], line["did"]) for line in lines if line["event"] == "job_done"] == [("did", 2)]
    assert row(session_factory, "looked").last_handled == 3


def test_one_that_fails_says_why_and_is_tried_again(
    session_factory: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[Any] = [ValueError("no shelf"), 0]
    tries: list[int] = []
    monkeypatch.setattr(periodic, "retry_after", lambda attempts, luck: tries.append(attempts) or HOUR)  # type: ignore[func-returns-value]

    def sometimes(_: Session) -> int:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return int(outcome)

    jobs = runner(session_factory, job("a", sometimes), job("b", lambda _: 0))
    jobs.run_due()

    failed = row(session_factory, "a")
    assert (failed.last_error, failed.failures) == ("ValueError", 1)
    assert tries == [1]
    assert row(session_factory, "b").last_error is None

    make_due(session_factory)
    jobs.run_due()
    assert (row(session_factory, "a").last_error, row(session_factory, "a").failures) == (None, 0)


def test_two_workers_share_them(session_factory: SessionFactory) -> None:
    ran: list[str] = []
    both_there = threading.Barrier(2)

    def note(name: str) -> Callable[[Session], int]:
        def handle(_: Session) -> int:
            ran.append(name)
            return 0

        return handle

    jobs = [job(name, note(name)) for name in ("a", "b", "c")]

    def work(_: int) -> None:
        mine = runner(session_factory, *jobs)
        both_there.wait(10)
        mine.run_due()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))

    assert sorted(ran) == ["a", "b", "c"]


def test_what_a_dead_worker_had_claimed_is_taken_up_by_another(session_factory: SessionFactory) -> None:
    class Killed(BaseException):
        pass

    def die(_: Session) -> int:
        raise Killed

    with pytest.raises(Killed):
        runner(session_factory, job("a", die)).run_due()
    other = runner(session_factory, job("a", lambda _: 0))
    other.run_due()
    unfinished = row(session_factory, "a")
    assert (unfinished.due_in <= 120, unfinished.last_finished_at) == (True, None)

    make_due(session_factory)
    other.run_due()
    assert row(session_factory, "a").last_handled == 0


def test_a_job_whose_pace_is_changed_keeps_its_time(session_factory: SessionFactory) -> None:
    runner(session_factory, job("a", lambda _: 0)).run_due()
    runner(session_factory, job("a", lambda _: 0, every=2 * HOUR)).run_due()
    known = row(session_factory, "a")
    assert (known.every_seconds, known.due_in <= 3600) == (7200, True)


def test_the_worker_runs_them(session_factory: SessionFactory, start_worker: Callable[[], WorkerProcess]) -> None:
    start_worker().wait_ready()

    def all_ran() -> bool:
        with transaction(session_factory) as session:
            known, ran = session.execute(text("SELECT count(*), count(last_finished_at) FROM jobs")).one()
        return bool(known >= 6 and known == ran)

    wait_until("every job has run", all_ran)
    with transaction(session_factory) as session:
        assert session.scalar(text("SELECT count(*) FROM jobs WHERE last_error IS NOT NULL")) == 0
        assert {"retention", "audit.months", "robots.log"} <= set(session.scalars(text("SELECT name FROM jobs")))
