"""The answer to a confirmation or a cancel: written down, then looked at for two seconds at most."""

from collections.abc import Callable
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from luna_web.delivery.domain.facts import TaskFacts
from luna_web.delivery.domain.states import TaskPhase, TaskStatus
from luna_web.delivery.models import DeliveryTask
from luna_web.delivery.routes.doing import Caller
from luna_web.delivery.rows import facts_of
from luna_web.delivery.service.work import Work
from luna_web.shared.envelope import ok

Taken = Callable[[TaskFacts], bool]
TURNED_BACK = (TaskPhase.CLEARING, TaskPhase.TO_FALLBACK, TaskPhase.AWAITING_FALLBACK_UNLOAD)


def loaded(task: TaskFacts) -> bool:
    return task.loaded or task.finished


def unloaded(task: TaskFacts) -> bool:
    return task.finished


def cancelled(task: TaskFacts) -> bool:
    return task.state.status is TaskStatus.CANCELLED


def settled(task: TaskFacts, taken: Taken) -> bool:
    """Nothing more will come of waiting: it was taken, it ended otherwise, or the rest takes a person at the desk."""
    turned_back = taken is cancelled and task.state.phase in TURNED_BACK
    nothing_pending = taken is unloaded and task.pending is None
    return taken(task) or task.finished or turned_back or nothing_pending


def answer(
    caller: Caller,
    request: Request,
    say: Callable[[Work], bool],
    find: Callable[[Work], DeliveryTask],
    taken: Taken,
    show: Callable[[Work, UUID], object],
    shown_id: UUID,
) -> Response:
    """200 with what is so when the robot has taken what was said, else 202 with what is so by now.

    `say` writes it down and tells whether a robot is still to take it; it is committed before anything is waited for.
    """
    with caller.work() as work:
        waiting = say(work)
    if waiting:
        caller.until(lambda work: settled(facts_of(find(work)), taken))
    with caller.work() as work:
        done = not waiting or taken(facts_of(find(work)))
        return ok(show(work, shown_id), request=request, status=200 if done else 202)
