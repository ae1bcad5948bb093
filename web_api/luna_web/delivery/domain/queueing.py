"""In which order queued tasks are taken, and how long one that was given back waits."""

from collections.abc import Collection
from datetime import datetime, timedelta

from luna_web.delivery.domain.facts import GivenBack, Policy
from luna_web.delivery.domain.states import STAFF_DELIVERIES, Priority, TaskType


def served_now(policy: Policy, now: datetime) -> Collection[TaskType]:
    """While the library is closed no robot sets off to a reader; staff who send something are there for it."""
    return tuple(TaskType) if policy.hours.is_open(now) else tuple(STAFF_DELIVERIES)


def queue_key(queued_at: datetime, priority: Priority, policy: Policy) -> datetime:
    """The lower, the earlier: each step of priority is worth a quarter of an hour of waiting, so none starves."""
    return queued_at - priority.rank * policy.rank_worth


def waits(why: GivenBack, attempt: int, policy: Policy) -> timedelta:
    """How long a task that was given back after so many attempts stays out of reach: no fault is retried in a loop."""
    match why:
        case GivenBack.REJECTED:
            return min(policy.rejected_wait * attempt, timedelta(minutes=2))
        case GivenBack.UNREACHED | GivenBack.ROBOT_UNFIT:
            return policy.retry_wait * attempt
        case GivenBack.NOT_LOADED | GivenBack.ROBOT_LOST:
            return timedelta()
