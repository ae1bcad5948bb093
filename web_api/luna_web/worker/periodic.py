"""Periodic work: jobs whose time has come, each by whichever worker is first, a bounded batch in each transaction."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from luna_web.shared.database import SessionFactory, transaction
from luna_web.worker import repository

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 60.0
AGAIN_AFTER_FAILURE = timedelta(minutes=5)
MOST_BATCHES = 1000
"""Of a step in one run; what is left then is left to the next."""


@dataclass(frozen=True, slots=True)
class Step:
    """`batch` does a bounded part in the transaction it is given and says how much that was; nothing = it is done."""

    name: str
    batch: Callable[[Session], int]


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    name: str
    every: timedelta
    steps: tuple[Step, ...]


class Periodic:
    """Runs in a thread of the worker until it is stopped. What a killed worker had begun, the next run goes on with."""

    def __init__(self, factory: SessionFactory, jobs: Sequence[PeriodicJob]) -> None:
        self._factory = factory
        self._jobs = {job.name: job for job in jobs}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="periodic", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 3.0) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def run_due(self) -> None:
        """Every job whose time has come. Raises what the database raises when it is away."""
        with transaction(self._factory) as session:
            repository.know_jobs(session, {job.name: job.every for job in self._jobs.values()})
            due = repository.claim_jobs(session, self._jobs)
        for name in due:
            self._work(self._jobs[name])

    def _work(self, job: PeriodicJob) -> None:
        try:
            done = {step.name: self._all_of(step) for step in job.steps}
        except Exception as error:
            with transaction(self._factory) as session:
                repository.job_failed(session, job.name, type(error).__name__, AGAIN_AFTER_FAILURE)
            raise
        with transaction(self._factory) as session:
            repository.job_finished(session, job.name)
        log.info("job_done", job=job.name, **done)

    def _all_of(self, step: Step) -> int:
        total = 0
        for _ in range(MOST_BATCHES):
            if self._stopping.is_set():
                break
            with transaction(self._factory) as session:
                done = step.batch(session)
            total += done
            if not done:
                break
        return total

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.run_due()
            except (SQLAlchemyError, OSError) as error:
                log.warning("periodic_work_waits", error=type(error).__name__)
            except Exception:
                # Without this thread nothing would be tidied again, and nobody would see why.
                log.exception("periodic_work_stumbled")
            self._stopping.wait(LOOK_EVERY_SECONDS)
