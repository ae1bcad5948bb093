"""Who consumes what, and when something is tried again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from luna_web.shared.models import Outbox
from luna_web.worker.domain import (
    LONGEST_RETRY,
    MOST_ATTEMPTS,
    Consumer,
    Drain,
    drains_for,
    retry_after,
)


def consumer(name: str, *families: str) -> Consumer:
    return Consumer(name, families, lambda session, event: None)


def event(event_type: str, aggregate: str) -> Outbox:
    return Outbox(event_type=event_type, aggregate=aggregate)


def test_each_aggregate_is_drained_once_for_each_who_wants_it() -> None:
    consumers = [consumer("b", "delivery."), consumer("a", "delivery.task.")]
    events = [
        event("delivery.task.queued", "task:1"),
        event("delivery.task.assigned", "task:1"),
        event("delivery.request.approved", "request:1"),
        event("auth.user.created", "user:1"),
    ]
    assert drains_for(consumers, events) == [Drain("a", "task:1"), Drain("b", "request:1"), Drain("b", "task:1")]


@given(st.integers(1, MOST_ATTEMPTS), st.floats(0, 1))
def test_retries_wait_longer_and_longer_but_not_for_ever(attempts: int, luck: float) -> None:
    wait = retry_after(attempts, luck)
    assert timedelta() < wait <= LONGEST_RETRY
    assert retry_after(attempts + 1, 0.0) >= retry_after(attempts, 0.0)


def test_those_who_failed_together_come_back_apart() -> None:
    assert retry_after(3, 0.0) < retry_after(3, 0.5) < retry_after(3, 1.0)
