"""What becomes of a copy that staff send each other."""

import pytest

from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain.facts import CopyChange, Decision, Place, Policy, TaskFacts
from luna_web.delivery.domain.following import cancelled_empty, observed
from luna_web.delivery.domain.machines import (
    AWAITING_FALLBACK_UNLOAD,
    AWAITING_LOAD,
    AWAITING_RECOVERY,
    AWAITING_UNLOAD,
    CLEARING,
    TO_DROPOFF,
    TO_PICKUP,
)
from luna_web.delivery.domain.staff_deliveries import kept
from luna_web.delivery.domain.states import CANCELLED, COMPLETED, FAILED, QUEUED, Reason, TaskState, TaskType
from luna_web.robot.ports import FALLBACK_STOP_INDEX, Cargo, Outcome, Phase, RobotError
from tests.unit.web.delivery.values import CANCEL, a_task, ended, seen, word

POLICY = Policy()
ON_SHELF = CopyChange(CopyStatus.AVAILABLE)
DAMAGED = CopyChange(CopyStatus.UNAVAILABLE, StatusReason.DAMAGED)
MISSING = CopyChange(CopyStatus.UNAVAILABLE, StatusReason.MISSING)
TYPES = [TaskType.INTER_STAFF, TaskType.WORKSTATION, TaskType.TRANSFER]


def sent(state: TaskState, task_type: TaskType = TaskType.INTER_STAFF, **more: object) -> TaskFacts:
    wanted = {"copy_before": ON_SHELF, "destination": "SHELF-2", "has_fallback": True, **more}
    return a_task(state, task_type, **wanted)


def ends(decision: Decision) -> tuple[TaskState, Reason | None, CopyChange | None]:
    assert decision.request is None and decision.book_return is None and decision.loan is None
    return decision.steps[-1].state, decision.steps[-1].reason, decision.copy


@pytest.mark.parametrize("task_type", TYPES)
def test_on_board_it_is_on_the_robot(task_type: TaskType) -> None:
    decision = observed(sent(AWAITING_LOAD, task_type), seen(Phase.TO_DROPOFF), POLICY)
    assert ends(decision) == (TO_DROPOFF, None, CopyChange(CopyStatus.ON_ROBOT)) and decision.loaded


@pytest.mark.parametrize("before", [ON_SHELF, DAMAGED])
@pytest.mark.parametrize(
    ("task_type", "after"),
    [
        (TaskType.INTER_STAFF, None),
        (TaskType.WORKSTATION, CopyChange(CopyStatus.UNAVAILABLE, StatusReason.IN_PROCESS)),
        (TaskType.TRANSFER, "SHELF-2"),
    ],
)
def test_arrived_it_is_what_its_type_makes_of_it(before: CopyChange, task_type: TaskType, after: object) -> None:
    task = sent(AWAITING_UNLOAD, task_type, loaded=True, copy_before=before)
    state, _, copy = ends(observed(task, ended(Outcome.SUCCEEDED), POLICY))
    expected = before if after is None else after
    if after == "SHELF-2":
        expected = CopyChange(before.status, before.reason, "SHELF-2")
    assert (state, copy) == (COMPLETED, expected)


@pytest.mark.parametrize("task_type", TYPES)
def test_what_was_not_there_when_it_arrived_is_missing(task_type: TaskType) -> None:
    task = sent(AWAITING_UNLOAD, task_type, loaded=True, said=(word(Place.DROPOFF, 2, cargo_present=False),))
    assert ends(observed(task, ended(Outcome.SUCCEEDED), POLICY)) == (FAILED, Reason.NOT_ON_BOARD, MISSING)


def test_never_loaded_it_is_what_it_was() -> None:
    failure = ended(Outcome.FAILED, RobotError.NOT_LOADED, stop_index=0)
    assert ends(observed(sent(CLEARING), failure, POLICY)) == (QUEUED, Reason.NOT_LOADED, None)
    assert ends(observed(sent(CLEARING, not_loaded=1), failure, POLICY)) == (FAILED, Reason.NOT_LOADED, ON_SHELF)
    assert ends(cancelled_empty(sent(QUEUED), Reason.CANCELLED_BY_STAFF)) == (
        CANCELLED,
        Reason.CANCELLED_BY_STAFF,
        ON_SHELF,
    )


def test_a_cancel_with_it_on_board_ends_where_it_came_from() -> None:
    task = sent(AWAITING_FALLBACK_UNLOAD, loaded=True, cancel=CANCEL, copy_before=DAMAGED)
    back = ended(Outcome.CANCELLED, stop_index=FALLBACK_STOP_INDEX)
    assert ends(observed(task, back, POLICY)) == (CANCELLED, Reason.CANCELLED_BY_STAFF, DAMAGED)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(RobotError.NAVIGATION, Reason.NAVIGATION_FAILED), (RobotError.BATTERY_LOW, Reason.BATTERY_LOW)],
)
def test_a_destination_out_of_reach_brings_it_back(error: RobotError, reason: Reason) -> None:
    back = ended(Outcome.FAILED, error, stop_index=FALLBACK_STOP_INDEX)
    assert ends(observed(sent(AWAITING_FALLBACK_UNLOAD, loaded=True), back, POLICY)) == (FAILED, reason, ON_SHELF)


def test_brought_back_without_it_it_is_missing() -> None:
    task = sent(AWAITING_FALLBACK_UNLOAD, loaded=True, said=(word(Place.FALLBACK, 3, cargo_present=False),))
    back = ended(Outcome.FAILED, RobotError.NAVIGATION, stop_index=FALLBACK_STOP_INDEX)
    assert ends(observed(task, back, POLICY)) == (FAILED, Reason.NOT_ON_BOARD, MISSING)


@pytest.mark.parametrize(("cargo", "copy"), [(Cargo.ABSENT, ON_SHELF), (Cargo.PRESENT, MISSING)])
def test_ended_at_the_robot_by_hand(cargo: Cargo, copy: CopyChange) -> None:
    by_hand = ended(Outcome.FAILED, RobotError.ABANDONED, cargo=cargo)
    assert ends(observed(sent(AWAITING_RECOVERY, loaded=True), by_hand, POLICY)) == (FAILED, Reason.ABANDONED, copy)


@pytest.mark.parametrize("state", [TO_PICKUP, AWAITING_UNLOAD])
def test_what_is_no_copy_changes_none(state: TaskState) -> None:
    task = sent(state, loaded=state is AWAITING_UNLOAD, copy_before=None)
    for outcome in (ended(Outcome.SUCCEEDED), ended(Outcome.FAILED, RobotError.ABANDONED, cargo=Cargo.PRESENT)):
        assert observed(task, outcome, POLICY).copy is None


def test_a_copy_that_readers_could_take_is_held_back_from_them() -> None:
    assert kept(CopyStatus.AVAILABLE) is CopyStatus.RESERVED
    assert kept(CopyStatus.UNAVAILABLE) is CopyStatus.UNAVAILABLE


def test_a_robot_whose_battery_ran_low_before_loading_gives_it_to_another() -> None:
    low = ended(Outcome.FAILED, RobotError.BATTERY_LOW, stop_index=0)
    assert ends(observed(sent(TO_PICKUP), low, POLICY)) == (QUEUED, Reason.BATTERY_LOW, None)
