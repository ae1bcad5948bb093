"""What people settle where a robot cannot go on, and what waiting in vain leads to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain.facts import (
    CopyChange,
    LoanChange,
    Place,
    Policy,
    RecoveryAction,
    RecoveryAsked,
    RecoveryOutcome,
    TaskFacts,
)
from luna_web.delivery.domain.following import observed
from luna_web.delivery.domain.handover import Verdict, unloading
from luna_web.delivery.domain.machines import AWAITING_FALLBACK_UNLOAD, AWAITING_RECOVERY, AWAITING_UNLOAD, TO_FALLBACK
from luna_web.delivery.domain.recovering import acting, settled, settling, still_asked
from luna_web.delivery.domain.states import (
    CANCELLED,
    COMPLETED,
    FAILED,
    QUEUED,
    Reason,
    RequestStatus,
    ReturnStatus,
    TaskState,
    TaskType,
)
from luna_web.delivery.domain.waiting import waited
from luna_web.robot.ports import Outcome, Phase
from tests.unit.web.delivery.values import CANCEL, NOW, a_task, ended, seen, word

POLICY = Policy()
RESUME, TO_SOURCE = RecoveryAction.RESUME, RecoveryAction.TO_FALLBACK
AT_DESK, WITH_RECIPIENT, LOST = RecoveryOutcome.AT_DESK, RecoveryOutcome.WITH_RECIPIENT, RecoveryOutcome.LOST
ASKED = RecoveryAsked(RESUME, 7.0, "someone", "Some One", NOW)
COPY_LOST = CopyChange(CopyStatus.UNAVAILABLE, StatusReason.LOST)


def stuck(task_type: TaskType = TaskType.STUDENT_DELIVERY, **more: object) -> TaskFacts:
    """The robot says that it waits for a person, with the item on board."""
    wanted = {"loaded": True, "has_fallback": True, "recovery_seen_at": 7.0, **more}
    return a_task(AWAITING_RECOVERY, task_type, **wanted)


def overdue(**more: object) -> TaskFacts:
    return stuck(TaskType.TRANSFER, overdue=True, handover_seq=2, recovery_seen_at=None, **more)


class TestActions:
    @pytest.mark.parametrize(
        ("task", "action", "verdict"),
        [
            (stuck(), RESUME, Verdict.RECORD),
            (stuck(), TO_SOURCE, Verdict.RECORD),
            (stuck(loaded=False), TO_SOURCE, Verdict.ILLEGAL),
            (stuck(has_fallback=False), TO_SOURCE, Verdict.ILLEGAL),
            (stuck(robot_lost=True), RESUME, Verdict.ROBOT_SILENT),
            (stuck(recovery_seen_at=None), RESUME, Verdict.ROBOT_SILENT),
            (overdue(), RESUME, Verdict.AT_ONCE),
            (overdue(), TO_SOURCE, Verdict.AT_ONCE),
            (overdue(said=(word(Place.DROPOFF, 2),)), TO_SOURCE, Verdict.HANDOVER_PENDING),
            (a_task(AWAITING_UNLOAD), RESUME, Verdict.DONE),
            (a_task(TO_FALLBACK), TO_SOURCE, Verdict.DONE),
            (a_task(AWAITING_UNLOAD), TO_SOURCE, Verdict.ILLEGAL),
            (a_task(QUEUED), RESUME, Verdict.ILLEGAL),
            (a_task(FAILED), RESUME, Verdict.ILLEGAL),
        ],
    )
    def test_when_a_robot_can_be_told(self, task: TaskFacts, action: RecoveryAction, verdict: Verdict) -> None:
        assert acting(task, action, None) is verdict

    def test_a_wish_is_asked_once(self) -> None:
        assert acting(stuck(recovery=ASKED), RESUME, ASKED) is Verdict.ASKED
        assert acting(stuck(recovery=ASKED), TO_SOURCE, ASKED) is Verdict.RECORD

    def test_it_counts_for_a_minute_and_for_the_wait_that_was_looked_at(self) -> None:
        task = stuck(recovery=ASKED)
        assert still_asked(task, NOW + timedelta(seconds=59), POLICY) == ASKED
        assert still_asked(task, NOW + timedelta(seconds=60), POLICY) is None
        assert still_asked(replace(task, recovery_seen_at=8.0), NOW, POLICY) is None
        assert still_asked(replace(task, state=AWAITING_UNLOAD), NOW, POLICY) is None
        assert still_asked(stuck(), NOW, POLICY) is None


class TestOutcomes:
    @pytest.mark.parametrize("state", [QUEUED, AWAITING_UNLOAD, AWAITING_FALLBACK_UNLOAD, COMPLETED, FAILED])
    def test_only_what_waits_for_a_person_is_settled(self, state: TaskState) -> None:
        assert settling(a_task(state)) is Verdict.ILLEGAL

    def test_a_silent_robot_is_no_obstacle(self) -> None:
        assert settling(stuck(robot_lost=True, recovery_seen_at=None)) is Verdict.AT_ONCE

    def test_a_confirmation_on_its_way_is(self) -> None:
        assert settling(overdue(said=(word(Place.DROPOFF, 2),))) is Verdict.HANDOVER_PENDING

    def test_a_reader_who_has_the_book_has_a_loan(self) -> None:
        decision = settled(stuck(), WITH_RECIPIENT)
        assert decision.steps[-1].state == COMPLETED and decision.loan is LoanChange.OPEN
        assert decision.request is not None and decision.request.status is RequestStatus.COMPLETED
        assert decision.copy == CopyChange(CopyStatus.CHECKED_OUT)

    @pytest.mark.parametrize(
        ("outcome", "copy", "reason"),
        [(AT_DESK, CopyChange(CopyStatus.RESERVED), Reason.AT_DESK), (LOST, COPY_LOST, Reason.LOST)],
    )
    def test_a_request_goes_on(self, outcome: RecoveryOutcome, copy: CopyChange, reason: Reason) -> None:
        decision = settled(stuck(), outcome)
        assert (decision.steps[-1].state, decision.steps[-1].reason) == (FAILED, reason)
        assert decision.request is not None and decision.request.needs_attention
        assert (decision.copy, decision.loan) == (copy, None)

    @pytest.mark.parametrize(("outcome", "copy"), [(AT_DESK, CopyChange(CopyStatus.AVAILABLE)), (LOST, COPY_LOST)])
    def test_what_was_cancelled_ends_cancelled(self, outcome: RecoveryOutcome, copy: CopyChange) -> None:
        decision = settled(stuck(cancel=CANCEL), outcome)
        assert decision.steps[-1].state == CANCELLED and decision.copy == copy
        assert decision.request is not None and decision.request.status is RequestStatus.CANCELLED

    @pytest.mark.parametrize(
        ("outcome", "state", "status", "copy", "loan"),
        [
            (AT_DESK, COMPLETED, ReturnStatus.COMPLETED, CopyChange(CopyStatus.AVAILABLE), LoanChange.CLOSE),
            (WITH_RECIPIENT, FAILED, ReturnStatus.CANCELLED, CopyChange(CopyStatus.CHECKED_OUT), None),
            (LOST, FAILED, ReturnStatus.CANCELLED, COPY_LOST, LoanChange.FLAG),
        ],
    )
    def test_a_return(
        self,
        outcome: RecoveryOutcome,
        state: TaskState,
        status: ReturnStatus,
        copy: CopyChange,
        loan: LoanChange | None,
    ) -> None:
        decision = settled(stuck(TaskType.RETURN_PICKUP), outcome)
        assert decision.steps[-1].state == state and decision.book_return is not None
        assert (decision.book_return.status, decision.copy, decision.loan) == (status, copy, loan)

    @pytest.mark.parametrize(
        ("outcome", "state", "copy"),
        [
            (AT_DESK, FAILED, CopyChange(CopyStatus.AVAILABLE)),
            (WITH_RECIPIENT, COMPLETED, CopyChange(CopyStatus.AVAILABLE, None, "SHELF-2")),
            (LOST, FAILED, COPY_LOST),
        ],
    )
    def test_a_staff_delivery(self, outcome: RecoveryOutcome, state: TaskState, copy: CopyChange) -> None:
        task = stuck(TaskType.TRANSFER, copy_before=CopyChange(CopyStatus.AVAILABLE), destination="SHELF-2")
        decision = settled(task, outcome)
        assert (decision.steps[-1].state, decision.copy) == (state, copy)
        assert settled(replace(task, copy_before=None), outcome).copy is None


class TestWaitingInVain:
    def at(self, minutes: float, task: TaskFacts | None = None, alerts: int = 0) -> tuple[int, bool]:
        wait = waited(
            task or a_task(AWAITING_UNLOAD, TaskType.TRANSFER), NOW, alerts, NOW + timedelta(minutes=minutes), POLICY
        )
        return wait.alerts, wait.overdue

    def test_staff_are_alerted_every_five_minutes_and_after_thirty_a_person_is_needed(self) -> None:
        assert [self.at(minutes) for minutes in (4.9, 5, 9, 10, 29, 30)] == [
            (0, False),
            (1, False),
            (1, False),
            (2, False),
            (5, False),
            (6, True),
        ]

    def test_a_reader_is_waited_for_by_their_own_time_out(self) -> None:
        assert self.at(29, a_task(AWAITING_UNLOAD)) == (0, False)
        assert self.at(30, a_task(AWAITING_UNLOAD)) == (0, True)

    def test_what_was_brought_back_waits_for_ever_and_is_told_for_half_an_hour(self) -> None:
        assert self.at(11, a_task(AWAITING_FALLBACK_UNLOAD)) == (2, False)
        assert self.at(600, a_task(AWAITING_FALLBACK_UNLOAD)) == (6, False)

    def test_alerts_are_never_taken_back(self) -> None:
        assert self.at(1, alerts=3) == (3, False)

    def test_a_robot_that_waits_still_does_not_undo_it(self) -> None:
        assert observed(overdue(), seen(Phase.AWAITING_UNLOAD), POLICY).empty

    def test_who_comes_late_is_welcome(self) -> None:
        assert unloading(overdue(), at_fallback=True) is Verdict.RECORD
        done = observed(overdue(), ended(Outcome.SUCCEEDED), POLICY)
        assert [step.state for step in done.steps] == [AWAITING_UNLOAD, COMPLETED]
