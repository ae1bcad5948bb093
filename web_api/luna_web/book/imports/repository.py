"""Every query about import jobs. Leases run by the database's clock, so that hosts need not agree."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from luna_web.book.imports.domain import UNFINISHED, ImportState, Severity
from luna_web.book.imports.models import ImportChunk, ImportJob, ImportProblem
from luna_web.shared.paging import Order, Page, PageParams, Sorts, paginate

NOW = func.clock_timestamp()
SORTS: Sorts = {"created_at": ImportJob.created_at, "state": ImportJob.state}
PROBLEM_SORTS: Sorts = {"number": ImportProblem.number, "record": ImportProblem.record}
ENDED = tuple(sorted(set(ImportState) - UNFINISHED))


def get_job(session: Session, job_id: UUID) -> ImportJob | None:
    """The job without the upload that it may still be part of."""
    return session.scalar(select(ImportJob).where(ImportJob.id == job_id))


def lock_job(session: Session, job_id: UUID) -> ImportJob | None:
    query = select(ImportJob).where(ImportJob.id == job_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def list_jobs(session: Session, state: ImportState | None, params: PageParams) -> Page[ImportJob]:
    query = select(ImportJob)
    if state is not None:
        query = query.where(ImportJob.state == state)
    return paginate(session, query, params, SORTS, default="created_at", tie=ImportJob.id, default_order=Order.DESC)


def unfinished(session: Session) -> int:
    """How many jobs are uploading, waiting or running."""
    query = select(func.count()).select_from(ImportJob).where(ImportJob.state.in_(sorted(UNFINISHED)))
    return session.scalar(query) or 0


def add_chunk(session: Session, job_id: UUID, number: int, content: bytes) -> bool:
    """Store a piece of a file that is being uploaded; False if the upload was given up meanwhile."""
    grown = session.execute(
        update(ImportJob)
        .where(ImportJob.id == job_id, ImportJob.state == ImportState.UPLOADING)
        .values(size_bytes=ImportJob.size_bytes + len(content))
    )
    if grown.rowcount:  # type: ignore[attr-defined]  # an UPDATE's result has it
        session.execute(insert(ImportChunk).values(job_id=job_id, number=number, content=content))
    return bool(grown.rowcount)  # type: ignore[attr-defined]


def get_chunk(session: Session, job_id: UUID, number: int) -> bytes | None:
    query = select(ImportChunk.content).where(ImportChunk.job_id == job_id, ImportChunk.number == number)
    return session.scalar(query)


def delete_job(session: Session, job_id: UUID) -> None:
    session.execute(delete(ImportJob).where(ImportJob.id == job_id))


def list_problems(session: Session, job_id: UUID, severity: Severity | None, params: PageParams) -> Page[ImportProblem]:
    query = _problems(job_id, severity)
    return paginate(session, query, params, PROBLEM_SORTS, default="number", tie=ImportProblem.number)


def problems_after(
    session: Session, job_id: UUID, severity: Severity | None, number: int, limit: int
) -> Sequence[ImportProblem]:
    query = _problems(job_id, severity).where(ImportProblem.number > number)
    return session.scalars(query.order_by(ImportProblem.number).limit(limit)).all()


def _problems(job_id: UUID, severity: Severity | None) -> Select[ImportProblem]:
    query = select(ImportProblem).where(ImportProblem.job_id == job_id)
    return query.where(ImportProblem.severity == severity) if severity else query


# Who runs a job


def claim(session: Session, claim_id: UUID, lease: timedelta, most_attempts: int) -> ImportJob | None:
    """Take the job that waits longest, or the running one whose lease ran out; None if there is none to take.

    `attempts` counts claims without progress in between. One job runs at a time: while one does, none is taken.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("luna.imports"))))
    lost = and_(ImportJob.state == ImportState.RUNNING, ImportJob.lease_until <= NOW)
    running = select(ImportJob.id).where(ImportJob.state == ImportState.RUNNING).exists()
    waits = and_(ImportJob.state == ImportState.QUEUED, ~running)
    found = session.scalar(
        select(ImportJob)
        .where(or_(lost, waits))
        .order_by(case((ImportJob.state == ImportState.RUNNING, 0), else_=1), ImportJob.queued_at, ImportJob.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if found is None:
        return None
    found.attempts = found.attempts + 1 if found.tried_from == found.position else 1
    found.tried_from = found.position
    if found.attempts > most_attempts:
        return found
    found.state, found.claimed_by, found.lease_until = ImportState.RUNNING, claim_id, _from_now(lease)
    found.started_at = func.coalesce(ImportJob.started_at, NOW)
    session.flush()
    session.refresh(found)
    return found


def renew(session: Session, job_id: UUID, claim_id: UUID, lease: timedelta) -> bool:
    """Whether the job is still this claim's."""
    return _update_claimed(session, job_id, claim_id, lease_until=_from_now(lease))


def let_go(session: Session, job_id: UUID, claim_id: UUID, *, unharmed: bool) -> bool:
    """Leave the job to the next worker, at once. `unharmed`: this was no failed attempt."""
    attempts = {"attempts": 0, "tried_from": None} if unharmed else {}
    return _update_claimed(
        session, job_id, claim_id, state=ImportState.QUEUED, claimed_by=None, lease_until=None, **attempts
    )


def advance(session: Session, job_id: UUID, claim_id: UUID, lease: timedelta, **changes: Any) -> bool:
    """Count a batch, in the transaction of its effects; False if the job is no longer this claim's."""
    return _update_claimed(session, job_id, claim_id, lease_until=_from_now(lease), **changes)


def finish(session: Session, job_id: UUID, claim_id: UUID, state: ImportState, **changes: Any) -> bool:
    return _update_claimed(
        session, job_id, claim_id, state=state, finished_at=NOW, claimed_by=None, lease_until=None,
        version=ImportJob.version + 1, **changes,
    )  # fmt: skip


def _update_claimed(session: Session, job_id: UUID, claim_id: UUID, **changes: Any) -> bool:
    done = session.execute(
        update(ImportJob)
        .where(ImportJob.id == job_id, ImportJob.claimed_by == claim_id, ImportJob.state == ImportState.RUNNING)
        .values(**changes)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _from_now(span: timedelta) -> ColumnElement[Any]:
    return NOW + func.make_interval(0, 0, 0, 0, 0, 0, span.total_seconds())


# What was wrong


def count_problems(session: Session, job_id: UUID) -> dict[str, int]:
    """How many are kept, by severity."""
    query = (
        select(ImportProblem.severity, func.count())
        .where(ImportProblem.job_id == job_id)
        .group_by(ImportProblem.severity)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def last_problem(session: Session, job_id: UUID) -> int:
    return session.scalar(select(func.max(ImportProblem.number)).where(ImportProblem.job_id == job_id)) or 0


def add_problems(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(ImportProblem), rows)


# Tidying up


def forget_uploads(session: Session, older_than: timedelta) -> int:
    """Uploads that nothing came of for so long."""
    gone = delete(ImportJob).where(
        ImportJob.state == ImportState.UPLOADING, ImportJob.updated_at < _from_now(-older_than)
    )
    return int(session.execute(gone).rowcount)  # type: ignore[attr-defined]


def forget_jobs(session: Session, older_than: timedelta, limit: int) -> int:
    old = (
        select(ImportJob.id)
        .where(ImportJob.state.in_(ENDED), ImportJob.tidied_at.is_not(None))
        .where(ImportJob.finished_at < _from_now(-older_than))
        .limit(limit)
    )
    return int(session.execute(delete(ImportJob).where(ImportJob.id.in_(old))).rowcount)  # type: ignore[attr-defined]


_EMPTY_SOME = (
    "DELETE FROM import_chunks WHERE ctid IN (SELECT ctid FROM import_chunks WHERE job_id = :job LIMIT 16)",
    "DELETE FROM import_met WHERE ctid IN (SELECT ctid FROM import_met WHERE job_id = :job LIMIT 10000)",
)


def tidy_some(session: Session) -> bool:
    """Throw away some of what an ended job needed while it ran; False when nothing is left to throw away."""
    job = session.scalar(
        select(ImportJob)
        .where(ImportJob.state.in_(ENDED), ImportJob.tidied_at.is_(None))
        .order_by(ImportJob.updated_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if job is None:
        return False
    gone = sum(session.execute(text(query), {"job": job.id}).rowcount for query in _EMPTY_SOME)  # type: ignore[attr-defined]
    if not gone:
        job.tidied_at = NOW
    return True
