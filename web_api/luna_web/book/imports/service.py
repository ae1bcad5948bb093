"""Rules of import jobs, as the API sees them. Nothing here commits."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from luna_web.book.imports import events, repository
from luna_web.book.imports.domain import (
    UNFINISHED,
    Detected,
    ImportFormat,
    ImportOptions,
    ImportState,
    Severity,
)
from luna_web.book.imports.errors import ImportNotFound, TooManyImports, UnknownFileKind, UploadIncomplete
from luna_web.book.imports.models import ImportJob
from luna_web.book.imports.schemas import ImportErrorOut, ImportOut
from luna_web.book.imports.sniffing import format_of
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.errors import IllegalTransition, ValidationFailed
from luna_web.shared.ids import new_id
from luna_web.shared.paging import Page, PageParams
from luna_web.shared.principal import Principal
from luna_web.shared.tracing import trace_id

MOST_UNFINISHED = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a librarian asks for with a file. `format` None: what the file looks like."""

    dry_run: bool = False
    format: ImportFormat | None = None
    options: ImportOptions = ImportOptions()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that is in the database whole. `head`: its first bytes."""

    size: int
    sha256: bytes
    head: bytes
    file_name: str | None
    content_type: str | None


def begin(session: Session, principal: Principal | None, wanted: Wanted) -> UUID:
    """A job whose file is on its way. Raises TooManyImports."""
    if repository.unfinished(session) >= MOST_UNFINISHED:
        raise TooManyImports(MOST_UNFINISHED)
    job = ImportJob(
        id=new_id(),
        created_by=principal.user_id if principal else None,
        state=ImportState.UPLOADING,
        dry_run=wanted.dry_run,
        options=wanted.options.model_dump(mode="json"),
        trace_id=trace_id(),
    )
    session.add(job)
    session.flush()
    return job.id


def store_piece(session: Session, job_id: UUID, number: int, content: bytes) -> None:
    """The next piece of a file. Raises UploadIncomplete if the job was cancelled meanwhile."""
    if not repository.add_chunk(session, job_id, number, content):
        raise UploadIncomplete("The import was cancelled while its file was on its way")


def give_up(session: Session, job_id: UUID) -> None:
    """Forget an upload that came to nothing."""
    job = repository.lock_job(session, job_id)
    if job is not None and job.state == ImportState.UPLOADING:
        repository.delete_job(session, job_id)


def queue(
    session: Session,
    principal: Principal | None,
    job_id: UUID,
    wanted: Wanted,
    file: Uploaded,
    meta: RequestMeta | None = None,
) -> ImportOut:
    """The file is whole: let a worker have it. Raises UnknownFileKind, ValidationFailed for an empty file."""
    job = repository.lock_job(session, job_id)
    if job is None or job.state != ImportState.UPLOADING:
        raise UploadIncomplete("The import was cancelled while its file was on its way")
    if not file.size:
        raise ValidationFailed({"file": ["is empty"]})
    form = wanted.format or format_of(file.head, file.file_name, file.content_type)
    if form is None:
        raise UnknownFileKind()
    job.format, job.file_name, job.sha256 = form, file.file_name, file.sha256
    job.state = ImportState.QUEUED
    job.queued_at = func.clock_timestamp()
    _raise_version(session, job)
    events.import_changed(session, job)
    audit(session, principal, "import.created", "import", job.id, _audited(job), meta)
    return shown(job)


def cancel(session: Session, principal: Principal, job_id: UUID, meta: RequestMeta | None = None) -> ImportOut:
    """Stop an import. What has landed stays; one that is cancelled already stays so.

    Raises ImportNotFound, IllegalTransition for one that has ended otherwise.
    """
    job = repository.lock_job(session, job_id)
    if job is None:
        raise ImportNotFound()
    if job.state == ImportState.CANCELLED:
        return shown(job)
    if job.state not in UNFINISHED:
        raise IllegalTransition("import", job.state, ImportState.CANCELLED, ())
    job.state, job.claimed_by, job.lease_until = ImportState.CANCELLED, None, None
    job.finished_at = func.clock_timestamp()
    _raise_version(session, job)
    events.import_changed(session, job)
    audit(session, principal, "import.cancelled", "import", job.id, _audited(job), meta)
    return shown(job)


def get_import(session: Session, job_id: UUID) -> ImportOut:
    """Raises ImportNotFound."""
    return shown(_found(session, job_id))


def list_imports(session: Session, state: ImportState | None, params: PageParams) -> Page[ImportOut]:
    """The newest first."""
    return repository.list_jobs(session, state, params).map(shown)


def list_errors(session: Session, job_id: UUID, severity: Severity | None, params: PageParams) -> Page[ImportErrorOut]:
    """What was wrong, in the order of the file. Raises ImportNotFound."""
    _found(session, job_id)
    return repository.list_problems(session, job_id, severity, params).map(ImportErrorOut.model_validate)


def _found(session: Session, job_id: UUID) -> ImportJob:
    job = repository.get_job(session, job_id)
    if job is None:
        raise ImportNotFound()
    return job


def _raise_version(session: Session, job: ImportJob) -> None:
    job.version += 1
    session.flush()
    session.refresh(job)


def _audited(job: ImportJob) -> dict[str, object]:
    return {"file_name": job.file_name, "format": job.format, "size_bytes": job.size_bytes, "dry_run": job.dry_run}


def shown(job: ImportJob) -> ImportOut:
    return ImportOut(
        id=job.id,
        state=ImportState(job.state),
        format=ImportFormat(job.format) if job.format else None,
        file_name=job.file_name,
        size_bytes=job.size_bytes,
        dry_run=job.dry_run,
        options=ImportOptions.model_validate(job.options),
        detected=Detected.model_validate(job.detected) if job.detected else None,
        progress=job.progress,
        rows_read=job.position,
        added=job.added,
        updated=job.updated,
        unchanged=job.unchanged,
        rejected=job.rejected,
        warnings=job.warnings,
        copies_added=job.copies_added,
        failure=job.failure,
        created_by=job.created_by,
        version=job.version,
        created_at=job.created_at,
        updated_at=job.updated_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )
