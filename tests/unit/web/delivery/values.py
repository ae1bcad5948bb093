"""Plain values that the tests of decisions are made from."""

from dataclasses import replace
from datetime import UTC, datetime

from luna_web.delivery.domain.facts import CancelAsked, Place, Said, TaskFacts
from luna_web.delivery.domain.states import Reason, TaskState, TaskType
from luna_web.robot.ports import (
    FALLBACK_STOP_INDEX,
    Cargo,
    DeliveryKind,
    Handover,
    Outcome,
    Phase,
    RobotError,
    SeenDelivery,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TASK_ID = "0195a000-0000-7000-8000-000000000001"

STOP_OF_PHASE = {
    Phase.TO_PICKUP: 0,
    Phase.AWAITING_LOAD: 0,
    Phase.CLEARING: 0,
    Phase.TO_DROPOFF: 1,
    Phase.AWAITING_UNLOAD: 1,
    Phase.TO_FALLBACK: FALLBACK_STOP_INDEX,
    Phase.AWAITING_FALLBACK_UNLOAD: FALLBACK_STOP_INDEX,
}
HANDOVER_OF_PHASE = {
    Phase.AWAITING_LOAD: 1,
    Phase.CLEARING: 1,
    Phase.AWAITING_UNLOAD: 2,
    Phase.AWAITING_FALLBACK_UNLOAD: 3,
}
ON_BOARD = frozenset({Phase.TO_DROPOFF, Phase.AWAITING_UNLOAD, Phase.TO_FALLBACK, Phase.AWAITING_FALLBACK_UNLOAD})

NOTHING_SEEN = SeenDelivery(
    delivery_id=TASK_ID,
    attempt=1,
    kind=DeliveryKind.DELIVERY,
    phase=Phase.NONE,
    outcome=Outcome.NONE,
    error=RobotError.NONE,
    message="",
    stop_index=0,
    handover_seq=0,
    cargo=Cargo.ABSENT,
    cancel_requested=False,
    distance_remaining=None,
    estimated_time_remaining=None,
    timeout_remaining=None,
    changed_at=0.0,
    journal_id="journal-1",
    journal_seq=1,
)


def seen(
    phase: Phase, *, task_id: str = TASK_ID, seq: int = 1, attempt: int = 1, cargo: Cargo | None = None
) -> SeenDelivery:
    """A delivery under way, consistent in itself."""
    return replace(
        NOTHING_SEEN,
        delivery_id=task_id,
        attempt=attempt,
        phase=phase,
        stop_index=STOP_OF_PHASE.get(phase, 0),
        handover_seq=HANDOVER_OF_PHASE.get(phase, 0),
        cargo=cargo or (Cargo.PRESENT if phase in ON_BOARD else Cargo.ABSENT),
        journal_seq=seq,
    )


def ended(
    outcome: Outcome,
    error: RobotError = RobotError.NONE,
    *,
    stop_index: int = 1,
    cargo: Cargo = Cargo.ABSENT,
    task_id: str = TASK_ID,
    seq: int = 9,
    attempt: int = 1,
) -> SeenDelivery:
    """A delivery that is over."""
    return replace(
        NOTHING_SEEN,
        delivery_id=task_id,
        attempt=attempt,
        phase=Phase.DONE,
        outcome=outcome,
        error=error,
        stop_index=stop_index,
        cargo=cargo,
        journal_seq=seq,
    )


def a_task(state: TaskState, task_type: TaskType = TaskType.STUDENT_DELIVERY, **more: object) -> TaskFacts:
    return replace(TaskFacts(type=task_type, state=state, attempt=1), **more)  # type: ignore[arg-type]


def word(place: Place, seq: int, *, cargo_present: bool | None = None, attempt: int = 1) -> Said:
    handover = Handover.LOAD if place is Place.PICKUP else Handover.UNLOAD
    return Said(handover, place, attempt, seq, cargo_present, by="someone", by_name="Some One", at=NOW)


CANCEL = CancelAsked(Reason.CANCELLED_BY_STAFF, by="someone", by_name="Some One", at=NOW)
