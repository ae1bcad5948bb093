"""All consumers of events, by name."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from luna_web.book.imports.events import QUEUED as IMPORT_QUEUED
from luna_web.notification import consumer as in_app
from luna_web.shared.database import after_commit
from luna_web.shared.models import Outbox
from luna_web.worker.directory import staff_ids
from luna_web.worker.domain import Consumer


def all_consumers(wake_imports: Callable[[], None] = lambda: None) -> Mapping[str, Consumer]:
    """`wake_imports` has this worker look for imports that wait."""
    notifier = in_app.InAppNotifier(staff_ids)

    def nudge(session: Session, _: Outbox) -> None:
        after_commit(session, wake_imports)

    consumers = (
        Consumer(in_app.NAME, in_app.FAMILIES, notifier.handle),
        Consumer("catalog.imports", (IMPORT_QUEUED,), nudge),
    )
    return {consumer.name: consumer for consumer in consumers}
