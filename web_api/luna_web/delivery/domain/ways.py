"""The steps that bring a task from where it is to where it was seen."""

from luna_web.delivery.domain.facts import TaskFacts, TaskStep
from luna_web.delivery.domain.machines import TASK
from luna_web.delivery.domain.states import Reason, TaskState


def steps_to(
    task: TaskFacts, target: TaskState, *, via: TaskState | None = None, reason: Reason | None = None
) -> tuple[TaskStep, ...]:
    """The table's way to `target`, through `via`; what was passed unseen says so."""
    before = TASK.way(task.state, via) if via else ()
    after = TASK.way(before[-1] if before else task.state, target)
    if not (before or after):
        return ()
    *passed, last = (*before, *after)
    return (*(TaskStep(state, Reason.CAUGHT_UP) for state in passed), TaskStep(last, reason))
