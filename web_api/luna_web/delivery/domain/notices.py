"""Which notice a reader is due of a loan: one before it is due, one when it is, one when it is overdue."""

from datetime import datetime, timedelta
from enum import StrEnum

from luna_web.delivery.domain.facts import Policy


class Notice(StrEnum):
    """In the order in which they are given; each once for a due date."""

    DUE_SOON = "DUE_SOON"
    DUE = "DUE"
    OVERDUE = "OVERDUE"


def moments(policy: Policy) -> dict[Notice, timedelta]:
    """From when on each is due, counted from the due date."""
    return {Notice.DUE_SOON: -policy.due_soon, Notice.DUE: timedelta(), Notice.OVERDUE: policy.overdue_notice}


def notice_due(due_at: datetime, given: Notice | None, now: datetime, policy: Policy) -> Notice | None:
    """The notice to give now; what was missed while nobody looked is not made up for. None = nothing to say."""
    order = list(Notice)
    reached = [notice for notice, after in moments(policy).items() if now >= due_at + after]
    latest = max(reached, key=order.index, default=None)
    if latest is None or (given is not None and order.index(given) >= order.index(latest)):
        return None
    return latest
