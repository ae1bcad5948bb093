"""Hands a consumer what it has not yet had of an aggregate, in order: effect and offset in one transaction."""

import random
import time
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.loggers import structlog
from luna_web.shared.models import ConsumerOffset, DeadLetter, Outbox
from luna_web.shared.outbox import TryLater
from luna_web.shared.tracing import bind_trace_id
from luna_web.worker import repository
from luna_web.worker.domain import MOST_ATTEMPTS, Consumer, Drain, retry_after

log = structlog.get_logger(__name__)
LONGEST_ERROR = 1000
BATCH = 20
"""So many events share a transaction, and what it costs."""
LONGEST_TRANSACTION_SECONDS = 0.5


class Drainer:
    """May be called twice, late, or never: it does what is left to do, and another call does the rest."""

    def __init__(
        self, factory: SessionFactory, consumers: Mapping[str, Consumer], luck: Callable[[], float] = random.random
    ) -> None:
        self._factory = factory
        self._consumers = consumers
        self._luck = luck

    def drain(self, drain: Drain) -> None:
        """Event by event until none is left, or one fails. Raises what the database raises when it is away."""
        consumer = self._consumers.get(drain.consumer)
        if consumer is None:
            log.warning("unknown_consumer", consumer=drain.consumer)
            return
        while self._step(consumer, drain):
            pass

    def _step(self, consumer: Consumer, drain: Drain) -> bool:
        """Some events in one transaction; False when there is nothing more to do now."""
        with transaction(self._factory) as session:
            offset = repository.lock_offset(session, drain)
            left = repository.what_is_left(session, drain, offset.last_seq, BATCH)
            if left.backs_off:
                return False
            if left.replay_asked and (dead := repository.asked_replay(session, drain)):
                return self._replay(session, consumer, drain, *dead)
            if left.events:
                if not self._hand_over_all(session, consumer, drain, offset, left.events):
                    return False
                if offset.last_seq < left.events[-1].aggregate_seq or len(left.events) == BATCH:
                    return True
                # A relay that promises waits for Redis: what the events had changed must not stay locked as long.
                return not repository.lock_promise(session, drain, wait=False) or self._settle(session, drain, offset)
            if not left.promised:  # another nudge has done it all
                return False
            repository.lock_promise(session, drain)
            return self._settle(session, drain, offset)

    def _settle(self, session: Session, drain: Drain, offset: ConsumerOffset) -> bool:
        """Nothing is left. The promise is locked before looking once more, so that none made meanwhile is lost."""
        left = repository.what_is_left(session, drain, offset.last_seq, 1)
        if left.events or left.replay_asked:
            return True
        repository.keep_promise(session, drain)
        return False

    def _hand_over_all(
        self, session: Session, consumer: Consumer, drain: Drain, offset: ConsumerOffset, events: Sequence[Outbox]
    ) -> bool:
        """In order, until one fails or the transaction has lasted long enough; what had its effect keeps it."""
        end = time.monotonic() + LONGEST_TRANSACTION_SECONDS
        for event in events:
            if not self._hand_over(session, consumer, drain, offset, event):
                return False
            if time.monotonic() > end:
                break
        return True

    def _hand_over(
        self, session: Session, consumer: Consumer, drain: Drain, offset: ConsumerOffset, event: Outbox
    ) -> bool:
        if consumer.wants(event.event_type):
            try:
                error = self._tried(session, consumer, event)
            except TryLater as later:
                repository.back_off(session, drain, later.wait)
                return False
            if error is not None:
                return self._failed(session, drain, offset, event, error)
        offset.last_seq, offset.attempts = event.aggregate_seq, 0
        return True

    def _replay(
        self, session: Session, consumer: Consumer, drain: Drain, letter: DeadLetter, event: Outbox | None
    ) -> bool:
        """One more try of what was given up. If it fails, the operator sees it again, with the new error."""
        if event is None:
            repository.replayed(session, letter, "the event is kept no longer")
            return True
        try:
            error = self._tried(session, consumer, event)
        except TryLater as later:
            repository.back_off(session, drain, later.wait)
            return False
        repository.replayed(session, letter, _said(error) if error else None)
        log.info("event_replayed", event_id=str(event.event_id), event_type=event.event_type, failed=error is not None)
        return True

    def _tried(self, session: Session, consumer: Consumer, event: Outbox) -> Exception | None:
        """What went wrong; None if the event has had its effect. Raises TryLater, and what a lost database raises."""
        bind_trace_id(event.trace_id)
        try:
            with session.begin_nested():
                consumer.handle(session, event)
        except TryLater:
            raise
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return error
        except Exception as error:  # noqa: BLE001 - whatever a consumer raises is kept with its event
            return error
        return None

    def _failed(self, session: Session, drain: Drain, offset: ConsumerOffset, event: Outbox, error: Exception) -> bool:
        """Try again later; after the last attempt the event is parked and the next one's turn comes."""
        offset.attempts += 1
        said = _said(error)
        log.warning(
            "event_failed",
            event_id=str(event.event_id),
            event_type=event.event_type,
            attempt=offset.attempts,
            error=said,
        )
        if offset.attempts < MOST_ATTEMPTS:
            repository.back_off(session, drain, retry_after(offset.attempts, self._luck()))
            return False
        repository.bury(session, drain, event, said, offset.attempts)
        offset.last_seq, offset.attempts = event.aggregate_seq, 0
        return True


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
