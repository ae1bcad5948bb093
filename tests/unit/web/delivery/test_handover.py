"""What people may say of a hand-over, and when."""

import pytest

from luna_web.delivery.domain.facts import Place, TaskFacts
from luna_web.delivery.domain.handover import Verdict, cancelling, late_claim, loading, unloading
from luna_web.delivery.domain.machines import (
    AWAITING_FALLBACK_UNLOAD,
    AWAITING_LOAD,
    AWAITING_UNLOAD,
    CLEARING,
    TASK,
    TO_DROPOFF,
    TO_FALLBACK,
    TO_PICKUP,
)
from luna_web.delivery.domain.states import ASSIGNED, CANCELLED, COMPLETED, FAILED, PENDING, QUEUED, TaskState, TaskType
from tests.unit.web.delivery.values import CANCEL, a_task, word


@pytest.mark.parametrize(
    ("task", "verdict"),
    [
        (a_task(QUEUED), Verdict.NOT_AT_STOP),
        (a_task(TO_PICKUP), Verdict.NOT_AT_STOP),
        (a_task(AWAITING_LOAD, handover_seq=1), Verdict.RECORD),
        (a_task(CLEARING, handover_seq=1), Verdict.RECORD),
        (a_task(AWAITING_LOAD, handover_seq=1, said=(word(Place.PICKUP, 1),)), Verdict.ASKED),
        (a_task(AWAITING_LOAD, handover_seq=1, said=(word(Place.PICKUP, 1, attempt=2),)), Verdict.RECORD),
        (a_task(AWAITING_LOAD, handover_seq=1, cancel=CANCEL), Verdict.CANCELLED_MEANWHILE),
        (a_task(CLEARING, handover_seq=1, cancel=CANCEL), Verdict.CANCELLED_MEANWHILE),
        (a_task(TO_DROPOFF, loaded=True), Verdict.DONE),
        (a_task(COMPLETED), Verdict.DONE),
        (a_task(FAILED), Verdict.ILLEGAL),
        (a_task(CANCELLED), Verdict.ILLEGAL),
    ],
)
def test_loading(task: TaskFacts, verdict: Verdict) -> None:
    assert loading(task) is verdict


@pytest.mark.parametrize(
    ("task", "at_fallback", "verdict"),
    [
        (a_task(TO_DROPOFF, loaded=True), True, Verdict.NOT_AT_STOP),
        (a_task(AWAITING_UNLOAD, handover_seq=2), False, Verdict.RECORD),
        (a_task(AWAITING_UNLOAD, handover_seq=2, said=(word(Place.DROPOFF, 2),)), False, Verdict.ASKED),
        (a_task(AWAITING_UNLOAD, handover_seq=2, cancel=CANCEL), False, Verdict.CANCELLED_MEANWHILE),
        (a_task(AWAITING_FALLBACK_UNLOAD, handover_seq=3), True, Verdict.RECORD),
        (a_task(AWAITING_FALLBACK_UNLOAD, handover_seq=3), False, Verdict.NOT_AT_STOP),
        (a_task(AWAITING_FALLBACK_UNLOAD, handover_seq=3, cancel=CANCEL), True, Verdict.RECORD),
        (a_task(COMPLETED), False, Verdict.DONE),
        (a_task(CANCELLED), False, Verdict.ILLEGAL),
    ],
)
def test_unloading(task: TaskFacts, at_fallback: bool, verdict: Verdict) -> None:
    assert unloading(task, at_fallback=at_fallback) is verdict


def test_a_late_claim_counts_once_while_the_robot_goes_back() -> None:
    assert late_claim(a_task(TO_FALLBACK)) is Verdict.RECORD
    assert late_claim(a_task(AWAITING_FALLBACK_UNLOAD, said=(word(Place.DROPOFF, 2),))) is Verdict.ASKED
    assert late_claim(a_task(TO_DROPOFF)) is Verdict.NOT_AT_STOP


@pytest.mark.parametrize(
    ("task", "verdict"),
    [
        (a_task(PENDING), Verdict.AT_ONCE),
        (a_task(QUEUED), Verdict.AT_ONCE),
        (a_task(ASSIGNED), Verdict.RECORD),
        (a_task(AWAITING_LOAD, handover_seq=1), Verdict.RECORD),
        (a_task(AWAITING_LOAD, handover_seq=1, said=(word(Place.PICKUP, 1),)), Verdict.HANDOVER_PENDING),
        (a_task(AWAITING_UNLOAD, handover_seq=2, said=(word(Place.DROPOFF, 2),)), Verdict.HANDOVER_PENDING),
        (a_task(TO_DROPOFF, loaded=True, said=(word(Place.PICKUP, 1),)), Verdict.RECORD),
        (a_task(TO_DROPOFF, TaskType.RETURN_PICKUP, loaded=True), Verdict.ILLEGAL),
        (a_task(TO_PICKUP, cancel=CANCEL), Verdict.ASKED),
        (a_task(CANCELLED), Verdict.DONE),
        (a_task(COMPLETED), Verdict.ILLEGAL),
        (a_task(FAILED), Verdict.ILLEGAL),
    ],
)
def test_cancelling(task: TaskFacts, verdict: Verdict) -> None:
    assert cancelling(task) is verdict


@pytest.mark.parametrize("state", TASK.states, ids=str)
def test_confirm_and_cancel_never_both_count(state: TaskState) -> None:
    confirmed = a_task(state, handover_seq=1, said=(word(Place.PICKUP, 1), word(Place.DROPOFF, 1)))
    cancelled = a_task(state, handover_seq=1, cancel=CANCEL)
    if confirmed.pending:
        assert cancelling(confirmed) is Verdict.HANDOVER_PENDING
    assert loading(cancelled) is not Verdict.RECORD
    assert unloading(cancelled, at_fallback=False) is not Verdict.RECORD
