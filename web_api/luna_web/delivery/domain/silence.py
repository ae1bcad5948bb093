"""What follows when a robot falls silent or comes back without its memory."""

from datetime import datetime

from luna_web.delivery.domain.facts import Decision, GivenBack, Policy, TaskFacts, TaskStep
from luna_web.delivery.domain.following import cancelled_empty, given_back
from luna_web.delivery.domain.machines import AWAITING_RECOVERY, TASK, TO_PICKUP
from luna_web.delivery.domain.states import ASSIGNED, Reason, TaskStatus


def silent(task: TaskFacts, since: datetime, now: datetime, policy: Policy) -> Decision:
    """Once patience is over, a task whose pickup was not reached goes to another robot, or ends if it was cancelled.

    Any other needs a person.
    """
    if now - since < policy.lost_patience or task.state.status not in (TaskStatus.ASSIGNED, TaskStatus.IN_PROGRESS):
        return Decision()
    if task.state in (ASSIGNED, TO_PICKUP) and not task.loaded:
        if task.cancel is not None:
            return cancelled_empty(task)
        return given_back(task, GivenBack.ROBOT_LOST, Reason.ROBOT_LOST)
    return needs_person(task, Reason.ROBOT_LOST)


def needs_person(task: TaskFacts, reason: Reason) -> Decision:
    """AWAITING_RECOVERY, where it is not so already, and not of a task that is over."""
    if task.state == AWAITING_RECOVERY or AWAITING_RECOVERY not in TASK.allowed(task.state):
        return Decision()
    return Decision(steps=(TaskStep(AWAITING_RECOVERY, reason),))
