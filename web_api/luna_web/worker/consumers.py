"""All consumers of events, by name."""

from collections.abc import Mapping

from luna_web.notification import consumer as in_app
from luna_web.worker.directory import staff_ids
from luna_web.worker.domain import Consumer


def all_consumers() -> Mapping[str, Consumer]:
    notifier = in_app.InAppNotifier(staff_ids)
    return {consumer.name: consumer for consumer in (Consumer(in_app.NAME, in_app.FAMILIES, notifier.handle),)}
