"""Periodic work: jobs whose time has come, each by whichever worker is first. No process is the one that keeps time.

What a step does may be done twice, and in two workers at once: it looks again at what it has locked. A worker that dies
with a job in hand loses what it had not committed; when the claim's lease is over, another goes on.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import random
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from luna_web.shared.background import Background
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.loggers import structlog
from luna_web.shared.models import Job
from luna_web.shared.tracing import bind_trace_id, new_trace_id
from luna_web.worker import repository
from luna_web.worker.domain import retry_after

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 2.0
WORK_SECONDS = 20.0
"""How long one claim works before other jobs have their turn; what is left is taken up at once behind them."""
LEASE = timedelta(minutes=2)
ITEMS = 100


@dataclass(frozen=True, slots=True)
class Done:
    """What a part of a step came to. `failed`: kinds of errors, each once."""

    count: int = 0
    more: bool = False
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """`batch` does a bounded part in the transaction it is given and says how much that was; nothing = it is done.

    `looks`: what it counts is looked at, and hardly ever changed, so that a line in the log would tell nothing.
    """

    name: str
    batch: Callable[[Session], int]
    looks: bool = False

    def part(self, factory: SessionFactory) -> Done:
        with transaction(factory) as session:
            count = self.batch(session)
        return Done(count, more=count > 0)


@dataclass(frozen=True, slots=True)
class EachStep:
    """For what `find` finds, at most as many as it is asked for: `handle`, in a transaction of its own for each.

    So one that fails holds up no other, and nobody holds locks of two. `handle` says whether there was something to do.
    """

    name: str
    find: Callable[[Session, int], Sequence[UUID]]
    handle: Callable[[Session, UUID], bool]
    looks: bool = False

    def part(self, factory: SessionFactory) -> Done:
        with transaction(factory) as session:
            found = self.find(session, ITEMS)
        outcomes = [self._handle(factory, thing) for thing in found]
        count = sum(outcome is True for outcome in outcomes)
        failed = {outcome for outcome in outcomes if isinstance(outcome, str)}
        return Done(count, more=count > 0 and len(found) == ITEMS, failed=tuple(sorted(failed)))

    def _handle(self, factory: SessionFactory, thing: UUID) -> bool | str:
        """Whether there was something to do, or the kind of error. Raises when the database is away."""
        bind_trace_id(new_trace_id())
        try:
            with transaction(factory) as session:
                return self.handle(session, thing)
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            log.exception("periodic_item_failed", step=self.name, item=str(thing))
            return type(error).__name__


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """A step that fails is told of and tried again, and holds up no other."""

    name: str
    every: timedelta
    steps: tuple[Step | EachStep, ...]


class Periodic(Background):
    """A part of the worker. Stopped, it lets the part in hand finish; what is left is done by another worker, or later.

    What a killed worker had begun, the next run goes on with.
    """

    def __init__(self, factory: SessionFactory, jobs: Sequence[PeriodicJob]) -> None:
        super().__init__("periodic", LOOK_EVERY_SECONDS)
        self._factory = factory
        self._jobs = {job.name: job for job in jobs}
        self._known = False

    def work(self) -> bool:
        self.run_due()
        return False

    def run_due(self) -> None:
        """Every job whose time has come. Raises what the database raises when it is away."""
        self._make_known()
        while not self.stopping.is_set() and (claimed := self._claim()) is not None:
            self._work(claimed)

    def _make_known(self) -> None:
        if self._known:
            return
        with transaction(self._factory) as session:
            repository.know_jobs(session, {job.name: job.every for job in self._jobs.values()})
        self._known = True

    def _claim(self) -> Job | None:
        with transaction(self._factory) as session:
            return repository.claim_job(session, self._jobs, LEASE)

    def _work(self, claimed: Job) -> None:
        bind_trace_id(new_trace_id())
        until = time.monotonic() + WORK_SECONDS
        steps = self._jobs[claimed.name].steps
        done = {step.name: self._all_of(step, until) for step in steps}
        failed = sorted({kind for outcome in done.values() for kind in outcome.failed})
        soon = retry_after(claimed.failures + 1, random()) if failed else timedelta()  # noqa: S311 - no secret
        again = soon if failed or any(outcome.more for outcome in done.values()) else None
        counts = {name: outcome.count for name, outcome in done.items()}
        with transaction(self._factory) as session:
            repository.job_ended(session, claimed, sum(counts.values()), ", ".join(failed) or None, again)
        if failed or any(counts[step.name] for step in steps if not step.looks):
            log.info("job_done", job=claimed.name, failed=failed, **counts)

    def _all_of(self, step: Step | EachStep, until: float) -> Done:
        """Part after part until nothing is left, or the time is over. Raises when the database is away."""
        total, failed, more = 0, set[str](), True
        while more and not self.stopping.is_set() and time.monotonic() < until:
            try:
                done = step.part(self._factory)
            except Exception as error:
                if isinstance(error, DBAPIError) and error.connection_invalidated:
                    raise
                log.exception("periodic_step_failed", step=step.name)
                return Done(total, failed=tuple({*failed, type(error).__name__}))
            total, more = total + done.count, done.more
            failed.update(done.failed)
        return Done(total, more, tuple(failed))
