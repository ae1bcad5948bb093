"""Events of imports. Titles that one changes raise none of their own: a file would be a hundred thousand of them."""

from sqlalchemy.orm import Session

from luna_web.book.events import SOURCE
from luna_web.book.imports.models import ImportJob
from luna_web.shared.outbox import record_event

QUEUED = "catalog.import.queued"


def import_changed(session: Session, job: ImportJob) -> None:
    """The job's version must have been raised already. The event is named after its state."""
    record_event(
        session,
        type=f"catalog.import.{job.state.lower()}",
        source=SOURCE,
        aggregate=f"import:{job.id}",
        aggregate_seq=job.version,
        payload={
            "import_id": job.id,
            "created_by": job.created_by,
            "file_name": job.file_name,
            "format": job.format,
            "state": job.state,
            "dry_run": job.dry_run,
            "rows_read": job.position,
            "added": job.added,
            "updated": job.updated,
            "unchanged": job.unchanged,
            "rejected": job.rejected,
            "failure": job.failure,
            "version": job.version,
        },
        trace_id=job.trace_id,
    )
