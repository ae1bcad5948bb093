"""The tables of transitions."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.book.domain import TRANSITIONS, CopyStatus
from luna_web.delivery.diagrams import document, main, mermaid
from luna_web.delivery.domain.machines import (
    AWAITING_FALLBACK_UNLOAD,
    AWAITING_LOAD,
    AWAITING_RECOVERY,
    AWAITING_UNLOAD,
    COPY,
    HOLD,
    LOAN,
    REQUEST,
    RETURN,
    TASK,
    TO_DROPOFF,
    TO_FALLBACK,
    TO_PICKUP,
    IllegalTransition,
)
from luna_web.delivery.domain.states import (
    ASSIGNED,
    CANCELLED,
    COMPLETED,
    FAILED,
    QUEUED,
    RequestStatus,
    ReturnStatus,
    TaskPhase,
    TaskState,
    TaskStatus,
)


def test_terminal_states_are_those_that_the_api_calls_terminal() -> None:
    assert TASK.terminal == {COMPLETED, FAILED, CANCELLED}
    assert REQUEST.terminal == {RequestStatus.COMPLETED, RequestStatus.CANCELLED}
    assert RETURN.terminal == {ReturnStatus.COMPLETED, ReturnStatus.CANCELLED}
    assert not COPY.terminal


def test_every_state_and_phase_is_in_the_table() -> None:
    assert {state.status for state in TASK.states} == set(TaskStatus)
    assert {state.phase for state in TASK.states if state.phase} == set(TaskPhase)
    assert set(REQUEST.states) == set(RequestStatus)
    assert set(RETURN.states) == set(ReturnStatus)


def test_each_transition_stands_in_its_table_once_and_that_of_copies_is_the_one_that_holds() -> None:
    for machine in (TASK, REQUEST, RETURN, LOAN, HOLD, COPY):
        steps = [(move.source, move.target) for move in machine.transitions]
        assert len(steps) == len(set(steps)), machine.name
    assert {status: frozenset(COPY.allowed(status)) for status in CopyStatus} == TRANSITIONS


def test_an_illegal_step_names_what_would_be_legal() -> None:
    with pytest.raises(IllegalTransition) as refused:
        REQUEST.check(RequestStatus.PENDING, RequestStatus.COMPLETED)
    assert (refused.value.source, refused.value.target, refused.value.allowed) == (
        "PENDING",
        "COMPLETED",
        ("APPROVED", "CANCELLED"),
    )


@pytest.mark.parametrize(
    ("source", "target", "passed"),
    [
        (ASSIGNED, TO_PICKUP, (TO_PICKUP,)),
        (ASSIGNED, AWAITING_UNLOAD, (TO_PICKUP, AWAITING_LOAD, TO_DROPOFF, AWAITING_UNLOAD)),
        (TO_PICKUP, COMPLETED, (AWAITING_LOAD, TO_DROPOFF, AWAITING_UNLOAD, COMPLETED)),
        (AWAITING_LOAD, AWAITING_FALLBACK_UNLOAD, (TO_DROPOFF, TO_FALLBACK, AWAITING_FALLBACK_UNLOAD)),
        (AWAITING_RECOVERY, TO_DROPOFF, (TO_DROPOFF,)),
        (TO_FALLBACK, TO_DROPOFF, (AWAITING_RECOVERY, TO_DROPOFF)),
    ],
)
def test_steps_that_nobody_saw_are_filled_in(
    source: TaskState, target: TaskState, passed: tuple[TaskState, ...]
) -> None:
    assert TASK.way(source, target) == passed


@given(st.sampled_from(TASK.states), st.sampled_from(TASK.states))
def test_a_way_consists_of_legal_steps_or_does_not_exist(source: TaskState, target: TaskState) -> None:
    try:
        way = TASK.way(source, target)
    except IllegalTransition:
        assert source in TASK.terminal or target not in TASK.states or target.status is TaskStatus.PENDING
        return
    here = source
    for step in way:
        TASK.check(here, step)
        here = step
    assert here == target


@given(st.sampled_from(sorted(TASK.terminal, key=str)), st.sampled_from(TASK.states))
def test_nothing_leads_out_of_a_terminal_state(source: TaskState, target: TaskState) -> None:
    with pytest.raises(IllegalTransition):
        TASK.check(source, target)


def test_a_phase_belongs_to_a_task_in_progress() -> None:
    with pytest.raises(ValueError, match="cannot have the phase"):
        TaskState(TaskStatus.QUEUED, TaskPhase.TO_PICKUP)
    with pytest.raises(ValueError, match="cannot have the phase"):
        TaskState(TaskStatus.IN_PROGRESS)


def test_a_diagram_shows_every_transition_and_where_it_ends() -> None:
    drawn = mermaid(TASK)
    assert drawn.startswith("stateDiagram-v2")
    assert "PENDING --> QUEUED: accepted by a librarian" in drawn
    assert "COMPLETED --> [*]" in drawn
    assert drawn.count("-->") == len(TASK.transitions) + len(TASK.initial) + len(TASK.terminal)


def test_unreachable_is_said() -> None:
    with pytest.raises(IllegalTransition):
        TASK.way(QUEUED, TaskState(TaskStatus.PENDING))


def test_the_command_prints_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    printed = capsys.readouterr().out
    assert printed.count("```mermaid\nstateDiagram-v2") == 6
    assert printed.count("## ") == 6
    assert "    state IN_PROGRESS {" in printed


def test_the_page_of_state_machines_is_drawn_from_these_tables() -> None:
    page = Path(__file__).parents[4] / "docs" / "states.md"
    assert page.read_text() == document()
