"""Whether a loan may be kept longer, and until when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from luna_web.delivery.domain.facts import Policy

LEAST_GAIN = timedelta(days=1)
"""A renewal that would bring less is none: whoever asks twice has renewed once."""


class Refusal(StrEnum):
    """Why a loan is not renewed, the first that applies."""

    BEING_RETURNED = "BEING_RETURNED"
    FLAGGED = "FLAGGED"
    OVERDUE = "OVERDUE"
    WAITED_FOR = "WAITED_FOR"
    LIMIT = "LIMIT"


@dataclass(frozen=True, slots=True)
class Renewing:
    """An open loan that somebody wants to keep. `waited_for`: somebody else waits for the title."""

    due_at: datetime
    renewals: int
    flagged: bool = False
    waited_for: bool = False
    being_returned: bool = False


def renewal(loan: Renewing, now: datetime, policy: Policy) -> datetime | Refusal:
    """Until when it is renewed, from now on; the present due date where that would bring no day; or why not."""
    until = now + policy.loan_period
    if refusal := _lasting_refusal(loan, now, policy):
        return refusal
    if until < loan.due_at + LEAST_GAIN:
        return loan.due_at
    return Refusal.LIMIT if loan.renewals >= policy.renewals else until


def _lasting_refusal(loan: Renewing, now: datetime, policy: Policy) -> Refusal | None:
    applies = {
        Refusal.BEING_RETURNED: loan.being_returned,
        Refusal.FLAGGED: loan.flagged,
        Refusal.OVERDUE: now > loan.due_at + policy.renewable_overdue,
        Refusal.WAITED_FOR: loan.waited_for,
    }
    return next((refusal for refusal, holds in applies.items() if holds), None)
