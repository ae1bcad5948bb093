"""Nobody comes to a robot that waits: who is told when, and when it needs a person.

A robot waits at a destination without a fallback as long as it takes; a reader's delivery goes back by itself. One that
waits to be loaded gives up by itself as well, unless its link was lost for long: then it stands there without a limit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

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
    (the robot holds where its link was lost), it is overdue like any other. Of one that waits to be loaded longer than
    its time-out staff are alerted, and no more: they load it, or cancel.
    """
    if task.state.phase is TaskPhase.AWAITING_LOAD:
        too_long = now - since - timedelta(seconds=policy.load_timeout)
        return Waited(max(alerts, min(int(too_long / policy.unload_alert_every), _most(policy))), overdue=False)
    at_fallback = task.state.phase is TaskPhase.AWAITING_FALLBACK_UNLOAD
    for_reader = task.type is TaskType.STUDENT_DELIVERY and not at_fallback
    due = 0 if for_reader else min(int((now - since) / policy.unload_alert_every), _most(policy))
    over = not at_fallback and now - since >= policy.unload_patience
    return Waited(max(alerts, due), over)


def _most(policy: Policy) -> int:
    return int(policy.unload_patience / policy.unload_alert_every)
