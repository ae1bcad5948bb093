"""Nobody takes an item off: who is told when, and when it needs a person.

A robot waits at a destination without a fallback as long as it takes; a reader's delivery goes back by itself.
"""

from dataclasses import dataclass
from datetime import datetime

from luna_web.delivery.domain.facts import Policy, TaskFacts
from luna_web.delivery.domain.states import TaskPhase, TaskType


@dataclass(frozen=True, slots=True)
class Waited:
    """How a wait stands: `alerts` = how many there should have been by now, `overdue` = a person must settle it."""

    alerts: int
    overdue: bool


def waited(task: TaskFacts, since: datetime, alerts: int, now: datetime, policy: Policy) -> Waited:
    """What follows from waiting since then with so many alerts given.

    A reader is waited for by their own time-out, so nobody is alerted of that; if even that does not end the wait
    (the robot holds where its link was lost), it is overdue like any other.
    """
    at_fallback = task.state.phase is TaskPhase.AWAITING_FALLBACK_UNLOAD
    for_reader = task.type is TaskType.STUDENT_DELIVERY and not at_fallback
    most = int(policy.unload_patience / policy.unload_alert_every)
    due = 0 if for_reader else min(int((now - since) / policy.unload_alert_every), most)
    over = not at_fallback and now - since >= policy.unload_patience
    return Waited(max(alerts, due), over)
