"""Runs one job: opens its file, writes batch after batch, says how it ended.

Each batch is one transaction: its effects, its counts, its errors and the position behind it. Whatever dies, the job
stands at the end of a batch, and all before it is done exactly once.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import errors as pg
from psycopg.errors import Error as PgError
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from luna_web.book.imports import events, finding, repository, writing
from luna_web.book.imports.batches import BATCH, Batch, ReadAhead, problem
from luna_web.book.imports.chunks import open_chunks
from luna_web.book.imports.domain import (
    Described,
    Entry,
    FileFault,
    ImportFormat,
    ImportOptions,
    ImportState,
    Problem,
    Remark,
    Severity,
)
from luna_web.book.imports.keys import MatchKeys
from luna_web.book.imports.merging import Key, Outcome, Shelf
from luna_web.book.imports.models import ImportJob
from luna_web.book.imports.readers.base import Reader
from luna_web.book.imports.readers.opening import open_reader
from luna_web.book.imports.rows import Connection, Purpose
from luna_web.book.imports.writing import Overtaken
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.ids import new_ids
from luna_web.shared.loggers import structlog

log = structlog.get_logger(__name__)
MOST_KEPT = 10_000
"""Problems of each severity that are kept; beyond them they are counted."""
TRIES = 4
_MAX_FAILURE = 1000
_LOST_RACES = (
    pg.UniqueViolation, pg.ForeignKeyViolation, pg.DeadlockDetected, pg.SerializationFailure, pg.LockNotAvailable,
    Overtaken,
)  # fmt: skip
_REFUSED = (pg.DataError, pg.IntegrityError, pg.ProgramLimitExceeded)
_TOO_LONG = (pg.QueryCanceled,)
"""Not to be tried again at the same size: each time it would take as long."""
_AWAY = ("08", "57P")
"""Classes of SQLSTATE (PostgreSQL, appendix A): connection exceptions, and a server that shuts down or starts."""


class ClaimLost(Exception):
    """The job was cancelled, or another worker has it: nothing that is under way may land."""


class StopAsked(Exception):
    """This process is to end; the job stays for another one."""


@dataclass(slots=True)
class Effects:
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    rejected: int = 0
    copies: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    job_id: UUID
    claim_id: UUID
    lease: timedelta


class Import:
    """One job in the hands of this process. `factory`'s connections are prepared (`rows.prepare`).

    `alive` is called whenever something got done; `stop_asked` is looked at, and `committed`
    called, after each batch.
    """

    def __init__(
        self,
        factory: SessionFactory,
        claim: Claim,
        alive: Callable[[], None] = lambda: None,
        stop_asked: Callable[[], bool] = lambda: False,
        committed: Callable[[], None] = lambda: None,
        batch_size: int = BATCH,
    ) -> None:
        self._factory, self._claim = factory, claim
        self._alive, self._stop_asked, self._committed = alive, stop_asked, committed
        self._batch_size = batch_size
        self._kept: Counter[str] = Counter()
        self._last_problem = 0
        self._match_keys: MatchKeys | None = None

    def run(self) -> None:
        """To the end of the file, or as far as it can be read. Raises ClaimLost, StopAsked, the database's errors."""
        job = self._job()
        try:
            reader = self._open(job)
            for batch in ReadAhead(reader, job.position, self._alive, self._batch_size):
                self._land(batch)
                self._committed()
                if self._stop_asked():
                    raise StopAsked
        except FileFault as fault:
            self.end(ImportState.FAILED, failure=str(fault)[:_MAX_FAILURE])
        else:
            self.end(ImportState.COMPLETED, progress=1.0)

    def end(self, state: ImportState, **changes: Any) -> None:
        """The job's last word. Raises ClaimLost."""
        with transaction(self._factory) as session:
            if not repository.finish(session, self._claim.job_id, self._claim.claim_id, state, **changes):
                raise ClaimLost
            job = repository.get_job(session, self._claim.job_id)
            assert job is not None  # noqa: S101 - it was updated just now
            events.import_changed(session, job)

    def _job(self) -> ImportJob:
        with transaction(self._factory) as session:
            job = repository.get_job(session, self._claim.job_id)
            if job is None or job.claimed_by != self._claim.claim_id:
                raise ClaimLost
            self._kept.update(repository.count_problems(session, job.id))
            self._last_problem = repository.last_problem(session, job.id)
            self._purpose = Purpose(job.id, job.dry_run)
            self._options = ImportOptions.model_validate(job.options)
            return job

    def _open(self, job: ImportJob) -> Reader:
        assert job.format and job.queued_at  # noqa: S101 - the table holds it
        source = open_chunks(self._fetch, job.size_bytes)
        latest_year = job.queued_at.year + 1
        reader = open_reader(ImportFormat(job.format), source, job.size_bytes, self._options, latest_year, self._alive)
        if job.detected is None:
            with transaction(self._factory) as session:
                session.execute(
                    update(ImportJob)
                    .where(ImportJob.id == job.id)
                    .values(detected=reader.detected.model_dump(mode="json"))
                )
                self._advance(session, warnings=len(reader.problems))
                kept = self._keep(session, reader.problems)
            self._remember(kept)
        return reader

    def _fetch(self, number: int) -> bytes:
        with transaction(self._factory) as session:
            piece = repository.get_chunk(session, self._claim.job_id, number)
        if piece is None:
            raise FileFault(f"piece {number:,} of the file is missing in the database")
        return piece

    # One batch

    def _land(self, batch: Batch) -> None:
        """All at once; after lost races again; at last record by record, so that one cannot hold up the others."""
        for attempt in range(TRIES):
            try:
                return self._try(batch, self._together)
            except (*_LOST_RACES, *_REFUSED, *_TOO_LONG, DBAPIError) as error:
                cause = _cause(error)
                if isinstance(cause, _TOO_LONG):
                    break
                if not isinstance(cause, _LOST_RACES + _REFUSED):
                    raise
                log.info("import_batch_again", job=str(self._claim.job_id), error=type(cause).__name__)
                time.sleep(random.uniform(0, 0.05) * attempt)  # noqa: S311 - to part those who collided
        return self._try(batch, self._one_by_one)

    def _try(self, batch: Batch, way: Callable[[Session, Sequence[Entry]], Effects]) -> None:
        with transaction(self._factory) as session:
            effects = way(session, batch.entries)
            problems = sorted([*batch.problems, *effects.problems], key=lambda one: one.record or 0)
            warnings = sum(one.severity is Severity.WARNING for one in problems)
            kept = self._keep(session, problems)
            self._advance(
                session,
                position=batch.end,
                progress=batch.progress,
                added=ImportJob.added + effects.outcomes[Outcome.ADDED],
                updated=ImportJob.updated + effects.outcomes[Outcome.UPDATED],
                unchanged=ImportJob.unchanged + effects.outcomes[Outcome.UNCHANGED],
                rejected=ImportJob.rejected + batch.rejected + effects.rejected,
                warnings=ImportJob.warnings + warnings,
                copies_added=ImportJob.copies_added + effects.copies,
            )
        self._remember(kept)
        self._alive()

    def _advance(self, session: Session, **changes: Any) -> None:
        claim = self._claim
        if not repository.advance(session, claim.job_id, claim.claim_id, claim.lease, **changes):
            raise ClaimLost

    def _together(self, session: Session, entries: Sequence[Entry]) -> Effects:
        effects = Effects()
        if not entries:
            return effects
        connection = connection_of(session)
        described = [entry.described for entry in entries]
        keys = self._keys_of(connection, described)
        finding.stage(connection, described, keys)
        known = finding.known(connection, self._purpose, described, keys)
        ids = iter(new_ids(_ids_needed(entries, self._options.copies)))
        shelf = Shelf(known, lambda book: finding.key_of(connection, book), lambda: next(ids), self._options.copies)
        for entry, key in zip(entries, keys, strict=True):
            outcome, remarks = shelf.take(entry.described, key)
            effects.outcomes[outcome] += 1
            effects.problems += [problem(Severity.WARNING, entry.number, entry.line, remark) for remark in remarks]
        effects.copies = writing.write(connection, self._purpose, shelf.titles.values(), shelf.copies, shelf.new_pins)
        return effects

    def _keys_of(self, connection: Connection, described: Sequence[Described]) -> list[Key]:
        if self._match_keys is None:
            self._match_keys = MatchKeys.of(connection)
        return self._match_keys.of_all(connection, [one.book for one in described])

    def _one_by_one(self, session: Session, entries: Sequence[Entry]) -> Effects:
        total = Effects()
        for entry in entries:
            try:
                with session.begin_nested():
                    one = self._together(session, [entry])
            except _LOST_RACES + _REFUSED + _TOO_LONG as error:
                log.warning("import_record_refused", record=entry.number, error=str(error)[:200])
                total.rejected += 1
                total.problems.append(problem(Severity.REJECTED, entry.number, entry.line, _refusal(error)))
                continue
            total.outcomes.update(one.outcomes)
            total.problems += one.problems
            total.copies += one.copies
            self._alive()
        return total

    # Problems

    def _keep(self, session: Session, problems: Sequence[Problem]) -> list[Problem]:
        """Store as many as there is room for."""
        room = Counter({severity: MOST_KEPT - self._kept[severity] for severity in Severity})
        kept = []
        for one in problems:
            if room[one.severity] > 0:
                room[one.severity] -= 1
                kept.append(one)
        repository.add_problems(
            session,
            [
                {"job_id": self._claim.job_id, "number": number, **asdict(one)}
                for number, one in enumerate(kept, start=self._last_problem + 1)
            ],
        )
        return kept

    def _remember(self, kept: Sequence[Problem]) -> None:
        """Only once they are committed."""
        self._last_problem += len(kept)
        self._kept.update(one.severity for one in kept)


def connection_of(session: Session) -> Connection:
    """The session's own connection, for what the ORM has no words for."""
    return session.connection().connection.driver_connection  # type: ignore[return-value]  # it is psycopg's


def _ids_needed(entries: Sequence[Entry], default_copies: int) -> int:
    """At most: a title for each record, and its copies."""
    return sum(1 + len(one.described.copies.named) + max(one.described.copies.count, default_copies) for one in entries)


def _cause(error: Exception) -> BaseException:
    """What psycopg said, also where SQLAlchemy passed it on."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _refusal(error: Exception) -> Remark:
    if isinstance(error, PgError) and not isinstance(error, pg.UniqueViolation):
        return Remark(error.diag.column_name, "the database refuses it: " + (error.diag.message_primary or "unknown"))
    return Remark(None, "somebody else changed the same title or copy again and again; import this record again")


def is_connection_lost(error: Exception) -> bool:
    """Whether the database went away, so that another try later will do.

    A full disk or too little memory is no such thing. One without SQLSTATE is the client's: no server answered.
    """
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    cause = _cause(error)
    return isinstance(cause, pg.OperationalError) and (cause.sqlstate is None or cause.sqlstate.startswith(_AWAY))
