"""The relay: tells of events that nobody was told of, and sends again what seems lost. Any number of relays may run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from luna_web.shared.background import AWAY, Background
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.loggers import structlog
from luna_web.shared.models import Outbox
from luna_web.shared.outbox import OUTBOX_CHANNEL
from luna_web.worker import repository
from luna_web.worker.domain import FIRST_RESEND, Consumer, Drain, drains_for

log = structlog.get_logger(__name__)
BATCH = 200
LOOK_EVERY_SECONDS = 1.0
SOMETHING_AWAY: tuple[type[Exception], ...] = (*AWAY, psycopg.Error, BrokerAway, RedisError)
MOST_WAITING = 1000
"""With so many nudges at the broker none is sent again: they are not lost, they wait. Else every one of them would be
sent again each few seconds, and workers that are behind would fall behind ever more."""
Nudge = Callable[[Drain], None]
Publish = Callable[[Sequence[Outbox]], object]
Listen = Callable[[], psycopg.Connection[tuple[object, ...]]]


class Relay(Background):
    """A part of the worker.

    `listen` opens a connection of its own for NOTIFY; `nudge` sends one message and raises when the broker is away;
    `ready` is called once, when the database and the broker have both answered. `publish` tells the live channel of
    events, and raises RedisError when it cannot: they then stay unpublished, and come again. `waiting` says how many
    nudges no worker has taken yet, and raises like `nudge`.
    """

    def __init__(
        self,
        factory: SessionFactory,
        consumers: Sequence[Consumer],
        nudge: Nudge,
        listen: Listen,
        ready: Callable[[], None] = lambda: None,
        publish: Publish = lambda _: None,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__("outbox-relay", LOOK_EVERY_SECONDS, SOMETHING_AWAY)
        self._factory = factory
        self._consumers = consumers
        self._nudge = nudge
        self._listen = listen
        self._ready = ready
        self._publish_live = publish
        self._waiting = waiting

    def work(self) -> bool:
        with self._listening() as woken:
            self._serve(woken)
        return False

    def relay_once(self) -> int:
        """Tell of what is new and of what is overdue; how much that was. Raises when database or broker is away."""
        return self._publish() + self._resend()

    def _publish(self) -> int:
        """Told first, then marked: what is told twice does no harm, what is marked and untold would never be seen."""
        with transaction(self._factory) as session:
            events = repository.lock_unpublished(session, BATCH)
            if not events:
                return 0
            drains = drains_for(self._consumers, events)
            repository.promise(session, drains, FIRST_RESEND)
            repository.mark_published(session, events)
            self._tell_live(events)
            self._send(drains)
            return len(events)

    def _tell_live(self, events: Sequence[Outbox]) -> None:
        """One that cannot be told, for a fault of ours, must hold up neither the others nor what consumers do."""
        try:
            self._publish_live(events)
        except SOMETHING_AWAY:
            raise
        except Exception:
            if len(events) == 1:
                log.exception("event_not_told_live", event_id=str(events[0].event_id), event_type=events[0].event_type)
                return
            for event in events:
                self._tell_live([event])

    def _resend(self) -> int:
        if self._waiting() >= MOST_WAITING:
            return 0
        with transaction(self._factory) as session:
            drains = repository.take_overdue(session, [consumer.name for consumer in self._consumers], BATCH)
        self._send(drains)
        return len(drains)

    def _send(self, drains: Sequence[Drain]) -> None:
        for drain in drains:
            self._nudge(drain)

    def _serve(self, woken: Callable[[], None]) -> None:
        while not self.stopping.is_set():
            busy = self.relay_once()
            self._ready()
            if not busy:
                woken()

    @contextmanager
    def _listening(self) -> Iterator[Callable[[], None]]:
        """A wait that ends with the next NOTIFY, after a second at most."""
        with self._listen() as connection:
            connection.execute(f"LISTEN {OUTBOX_CHANNEL}")

            def wait() -> None:
                for _ in connection.notifies(timeout=LOOK_EVERY_SECONDS, stop_after=1):
                    return

            yield wait
