"""Whatever a robot says of whatever task, and whatever a person finds: each decision keeps to the tables."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from luna_web.book.domain import TRANSITIONS, CopyStatus, StatusReason
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import CopyChange, Decision, LoanChange, Place, Policy, RecoveryOutcome, TaskFacts
from luna_web.delivery.domain.following import cancelled_empty, observed
from luna_web.delivery.domain.handover import Verdict
from luna_web.delivery.domain.recovering import settled, settling
from luna_web.delivery.domain.states import (
    IN_HAND,
    QUEUED,
    STAFF_DELIVERIES,
    Reason,
    RequestStatus,
    ReturnStatus,
    TaskState,
    TaskType,
)
from luna_web.robot.ports import FALLBACK_STOP_INDEX, Cargo, Outcome, Phase, RobotError, SeenDelivery
from tests.unit.web.delivery.values import CANCEL, NOTHING_SEEN, word

POLICY = Policy()
BEFORE = [CopyChange(CopyStatus.AVAILABLE), CopyChange(CopyStatus.UNAVAILABLE, StatusReason.DAMAGED)]
MISSED = [word(Place.DROPOFF, 2, cargo_present=False), word(Place.FALLBACK, 3, cargo_present=False)]


@st.composite
def tasks(draw: st.DrawFn, states: Sequence[TaskState] = machines.TASK.states) -> TaskFacts:
    task_type = draw(st.sampled_from(TaskType))
    state = draw(st.sampled_from(states))
    return TaskFacts(
        type=task_type,
        state=state,
        attempt=1,
        loaded=draw(st.booleans()),
        said=tuple(draw(st.lists(st.sampled_from(MISSED), max_size=1))),
        cancel=draw(st.sampled_from([None, CANCEL])),
        not_loaded=draw(st.integers(0, 1)),
        unreached=draw(st.integers(0, 2)),
        destination="SHELF-2",
        has_fallback=task_type is not TaskType.RETURN_PICKUP,
        copy_before=draw(st.sampled_from([None, *BEFORE])) if task_type in STAFF_DELIVERIES else None,
        overdue=state == machines.AWAITING_RECOVERY and draw(st.booleans()),
    )


@st.composite
def tellings(draw: st.DrawFn) -> SeenDelivery:
    phase = draw(st.sampled_from([phase for phase in Phase if phase is not Phase.PARKING]))
    return replace(
        NOTHING_SEEN,
        phase=phase,
        outcome=draw(st.sampled_from(Outcome)) if phase is Phase.DONE else Outcome.NONE,
        error=draw(st.sampled_from(RobotError)),
        stop_index=draw(st.sampled_from([0, 1, FALLBACK_STOP_INDEX])),
        cargo=draw(st.sampled_from(Cargo)),
    )


def check(task: TaskFacts, decision: Decision) -> None:
    here: TaskState = task.state
    for step in decision.steps:
        machines.TASK.check(here, step.state)
        here = step.state
    assert (decision.request is None) or task.type is TaskType.STUDENT_DELIVERY
    assert (decision.book_return is None) or task.type is TaskType.RETURN_PICKUP
    assert (decision.given_back is not None) is (here == QUEUED and bool(decision.steps))
    if task.type in STAFF_DELIVERIES:
        assert decision.loan is None
        assert (decision.copy is None) or task.copy_before is not None
    if decision.loan in (LoanChange.OPEN, LoanChange.OPEN_FLAGGED):
        assert decision.copy == CopyChange(CopyStatus.CHECKED_OUT)
    if here in machines.TASK.terminal and decision.steps:
        _ends_whole(task, decision)


def _ends_whole(task: TaskFacts, decision: Decision) -> None:
    """What a task served does not hang in the air once it is over."""
    if task.type is TaskType.STUDENT_DELIVERY:
        change = decision.request
        assert change is not None
        assert change.needs_attention or change.status in (RequestStatus.COMPLETED, RequestStatus.CANCELLED)
    elif task.type is TaskType.RETURN_PICKUP:
        assert decision.book_return is not None
        assert decision.book_return.status in (ReturnStatus.COMPLETED, ReturnStatus.CANCELLED)
    elif task.copy_before is not None:
        assert decision.copy is not None and decision.copy.status is not CopyStatus.ON_ROBOT


@settings(max_examples=600)
@given(tasks(), tellings())
def test_what_a_robot_says(task: TaskFacts, seen: SeenDelivery) -> None:
    check(task, observed(task, seen, POLICY))


@given(tasks([state for state in machines.TASK.states if state.status in IN_HAND]), tellings())
def test_the_same_word_twice_is_taken_once(task: TaskFacts, seen: SeenDelivery) -> None:
    decision = observed(task, seen, POLICY)
    assume(decision.steps)
    after = replace(task, state=decision.steps[-1].state, loaded=bool(decision.loaded) or task.loaded, overdue=False)
    assert not observed(after, seen, POLICY).steps


@given(tasks([machines.AWAITING_RECOVERY]), st.sampled_from(RecoveryOutcome))
def test_what_a_person_finds(task: TaskFacts, outcome: RecoveryOutcome) -> None:
    assert settling(task) is Verdict.AT_ONCE
    decision = settled(task, outcome)
    check(task, decision)
    assert decision.steps[-1].state in machines.TASK.terminal


@given(tasks())
def test_a_cancel_with_nothing_on_board(task: TaskFacts) -> None:
    assume(machines.TASK.allowed(task.state) and not task.loaded)
    try:
        decision = cancelled_empty(task, Reason.CANCELLED_BY_STAFF)
    except machines.IllegalTransition:
        return
    check(task, decision)


def test_the_drawn_ways_of_a_copy_are_those_that_the_catalog_lets_it_go() -> None:
    for move in machines.COPY.transitions:
        assert move.target in TRANSITIONS[move.source], move
