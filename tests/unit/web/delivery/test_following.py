"""What follows from what a robot says: each row of the table "what happens, what follows"."""

from dataclasses import replace
from datetime import timedelta

import pytest

from luna_web.book.domain import CopyStatus
from luna_web.delivery.domain.facts import CopyChange, Decision, GivenBack, LoanChange, Place, Policy, TaskFacts
from luna_web.delivery.domain.following import observed, on_whose_word
from luna_web.delivery.domain.machines import (
    AWAITING_FALLBACK_UNLOAD,
    AWAITING_LOAD,
    AWAITING_RECOVERY,
    AWAITING_UNLOAD,
    CLEARING,
    TO_DROPOFF,
    TO_FALLBACK,
    TO_PICKUP,
)
from luna_web.delivery.domain.silence import needs_person, silent
from luna_web.delivery.domain.states import (
    ASSIGNED,
    CANCELLED,
    COMPLETED,
    FAILED,
    PENDING,
    QUEUED,
    Reason,
    RequestStatus,
    ReturnStatus,
    TaskState,
    TaskType,
)
from luna_web.robot.ports import FALLBACK_STOP_INDEX, Cargo, Outcome, Phase, RobotError, SeenDelivery
from tests.unit.web.delivery.values import CANCEL, NOTHING_SEEN, NOW, a_task, ended, seen, word

POLICY = Policy()


def last(decision: Decision) -> TaskState:
    return decision.steps[-1].state


def why(decision: Decision) -> Reason | None:
    return decision.steps[-1].reason


class TestUnderWay:
    def test_setting_off_moves_the_task_alone(self) -> None:
        decision = observed(a_task(ASSIGNED), seen(Phase.TO_PICKUP), POLICY)
        assert (last(decision), decision.request, decision.copy) == (TO_PICKUP, None, None)

    def test_the_same_said_twice_changes_nothing(self) -> None:
        assert observed(a_task(TO_PICKUP), seen(Phase.TO_PICKUP), POLICY).empty

    def test_a_book_on_board_puts_the_copy_on_the_robot_and_the_request_in_progress(self) -> None:
        decision = observed(a_task(AWAITING_LOAD), seen(Phase.TO_DROPOFF), POLICY)
        assert last(decision) == TO_DROPOFF
        assert decision.copy is not None and decision.copy.status is CopyStatus.ON_ROBOT
        assert decision.request is not None and decision.request.status is RequestStatus.IN_PROGRESS
        assert decision.loaded is True and decision.loan is None

    def test_a_returned_book_on_board_is_picked_up(self) -> None:
        decision = observed(a_task(AWAITING_LOAD, TaskType.RETURN_PICKUP), seen(Phase.TO_DROPOFF), POLICY)
        assert decision.book_return is not None and decision.book_return.status is ReturnStatus.PICKED_UP
        assert decision.loan is None

    def test_what_was_missed_is_filled_in_and_says_so(self) -> None:
        decision = observed(a_task(ASSIGNED), seen(Phase.AWAITING_UNLOAD), POLICY)
        assert [step.state for step in decision.steps] == [TO_PICKUP, AWAITING_LOAD, TO_DROPOFF, AWAITING_UNLOAD]
        assert [step.reason for step in decision.steps] == [Reason.CAUGHT_UP] * 3 + [None]
        assert decision.loaded is True

    def test_a_robot_that_needs_a_person_with_the_book_on_board_has_loaded_it(self) -> None:
        decision = observed(a_task(AWAITING_LOAD), seen(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT), POLICY)
        assert last(decision) == AWAITING_RECOVERY and decision.loaded is True

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (RobotError.NO_PROGRESS, Reason.NAVIGATION_FAILED),
            (RobotError.NAVIGATION_PREEMPTED, Reason.TAKEN_OVER),
            (RobotError.NOT_LOCALIZED, Reason.POSE_LOST),
            (RobotError.NONE, None),
        ],
    )
    def test_it_is_known_why_a_robot_needs_a_person(self, error: RobotError, reason: Reason | None) -> None:
        waits = replace(seen(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT), error=error)
        assert observed(a_task(TO_DROPOFF, loaded=True), waits, POLICY).steps[-1].reason is reason

    def test_a_goal_that_is_only_accepted_changes_nothing(self) -> None:
        assert observed(a_task(ASSIGNED), NOTHING_SEEN, POLICY).empty

    @pytest.mark.parametrize("state", [PENDING, QUEUED, COMPLETED, FAILED, CANCELLED])
    def test_a_task_that_no_robot_has_in_hand_is_not_moved(self, state: TaskState) -> None:
        assert observed(a_task(state), seen(Phase.TO_DROPOFF), POLICY).empty


class TestArrived:
    def test_a_received_book_is_a_loan(self) -> None:
        decision = observed(a_task(AWAITING_UNLOAD, loaded=True), ended(Outcome.SUCCEEDED), POLICY)
        assert [step.state for step in decision.steps] == [COMPLETED]
        assert decision.request is not None and decision.request.status is RequestStatus.COMPLETED
        assert decision.copy is not None and decision.copy.status is CopyStatus.CHECKED_OUT
        assert decision.loan is LoanChange.OPEN

    def test_a_returned_book_ends_its_loan(self) -> None:
        decision = observed(
            a_task(AWAITING_UNLOAD, TaskType.RETURN_PICKUP, loaded=True), ended(Outcome.SUCCEEDED), POLICY
        )
        assert last(decision) == COMPLETED
        assert decision.book_return is not None and decision.book_return.status is ReturnStatus.COMPLETED
        assert decision.copy is not None and decision.copy.status is CopyStatus.AVAILABLE
        assert decision.loan is LoanChange.CLOSE

    def test_a_return_that_arrives_with_nothing_on_board_leaves_the_loan_open(self) -> None:
        task = a_task(
            AWAITING_UNLOAD, TaskType.RETURN_PICKUP, loaded=True, said=(word(Place.DROPOFF, 2, cargo_present=False),)
        )
        decision = observed(task, ended(Outcome.SUCCEEDED), POLICY)
        assert (last(decision), why(decision), decision.loan) == (FAILED, Reason.NOT_ON_BOARD, LoanChange.FLAG)
        assert decision.copy is not None and decision.copy.status is CopyStatus.CHECKED_OUT


class TestNothingOnBoard:
    def test_not_loaded_is_tried_once_more(self) -> None:
        decision = observed(a_task(CLEARING), ended(Outcome.FAILED, RobotError.NOT_LOADED, stop_index=0), POLICY)
        assert (last(decision), why(decision), decision.given_back) == (QUEUED, Reason.NOT_LOADED, GivenBack.NOT_LOADED)
        assert decision.request is None and decision.copy is None

    def test_not_loaded_again_fails_and_the_request_waits_for_a_person(self) -> None:
        decision = observed(
            a_task(CLEARING, not_loaded=1), ended(Outcome.FAILED, RobotError.NOT_LOADED, stop_index=0), POLICY
        )
        assert (last(decision), why(decision)) == (FAILED, Reason.NOT_LOADED)
        assert decision.request is not None and decision.request.needs_attention
        assert decision.request.status is RequestStatus.APPROVED and decision.copy is None

    def test_a_return_that_is_not_loaded_again_is_cancelled_and_the_loan_untouched(self) -> None:
        task = a_task(CLEARING, TaskType.RETURN_PICKUP, not_loaded=1)
        decision = observed(task, ended(Outcome.FAILED, RobotError.NOT_LOADED, stop_index=0), POLICY)
        assert decision.book_return is not None and decision.book_return.status is ReturnStatus.CANCELLED
        assert decision.loan is None and decision.copy is None

    @pytest.mark.parametrize("error", [RobotError.NAVIGATION, RobotError.NO_PROGRESS, RobotError.NAVIGATION_PREEMPTED])
    def test_a_pickup_that_is_not_reached_is_queued_again_three_attempts_in_all(self, error: RobotError) -> None:
        failure = ended(Outcome.FAILED, error, stop_index=0)
        assert last(observed(a_task(TO_PICKUP, unreached=1), failure, POLICY)) == QUEUED
        given_up = observed(a_task(TO_PICKUP, unreached=2), failure, POLICY)
        assert (last(given_up), why(given_up)) == (FAILED, Reason.NAVIGATION_FAILED)

    def test_a_return_that_is_queued_again_is_scheduled_no_longer(self) -> None:
        failure = ended(Outcome.FAILED, RobotError.NAVIGATION, stop_index=0)
        decision = observed(a_task(TO_PICKUP, TaskType.RETURN_PICKUP), failure, POLICY)
        assert decision.book_return is not None and decision.book_return.status is ReturnStatus.PENDING

    @pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.FAILED, Outcome.REJECTED])
    def test_a_cancel_that_was_asked_for_is_what_it_ends_as(self, outcome: Outcome) -> None:
        decision = observed(a_task(AWAITING_LOAD, cancel=CANCEL), ended(outcome, stop_index=0), POLICY)
        assert (last(decision), why(decision)) == (CANCELLED, Reason.CANCELLED_BY_STAFF)
        assert decision.request is not None and decision.request.status is RequestStatus.CANCELLED
        assert decision.copy is not None and decision.copy.status is CopyStatus.AVAILABLE

    def test_a_cancelled_return_leaves_the_book_with_the_reader(self) -> None:
        decision = observed(
            a_task(TO_PICKUP, TaskType.RETURN_PICKUP, cancel=CANCEL), ended(Outcome.CANCELLED, stop_index=0), POLICY
        )
        assert decision.book_return is not None and decision.book_return.status is ReturnStatus.CANCELLED
        assert decision.copy is None and decision.loan is None

    def test_a_cancel_that_nobody_here_asked_for_needs_a_person(self) -> None:
        decision = observed(a_task(TO_PICKUP), ended(Outcome.CANCELLED, stop_index=0), POLICY)
        assert (last(decision), why(decision)) == (FAILED, Reason.CANCELLED_AT_ROBOT)
        assert decision.request is not None and decision.request.needs_attention

    def test_an_abandoned_one_fails(self) -> None:
        decision = observed(
            a_task(AWAITING_RECOVERY), ended(Outcome.FAILED, RobotError.ABANDONED, stop_index=0), POLICY
        )
        assert (last(decision), why(decision)) == (FAILED, Reason.ABANDONED)

    def test_a_rejected_goal_goes_back_into_the_queue(self) -> None:
        decision = observed(a_task(ASSIGNED), ended(Outcome.REJECTED, RobotError.CARGO_ON_BOARD), POLICY)
        assert (last(decision), decision.given_back) == (QUEUED, GivenBack.REJECTED)

    def test_a_goal_that_no_robot_will_take_fails(self) -> None:
        decision = observed(a_task(ASSIGNED), ended(Outcome.REJECTED, RobotError.MALFORMED), POLICY)
        assert (last(decision), why(decision)) == (FAILED, Reason.REJECTED_BY_ROBOT)


class TestBroughtBack:
    def at_desk(self, outcome: Outcome, error: RobotError) -> SeenDelivery:
        return ended(outcome, error, stop_index=FALLBACK_STOP_INDEX)

    def test_not_collected_ends_the_request_and_frees_the_copy(self) -> None:
        task = a_task(AWAITING_FALLBACK_UNLOAD, loaded=True, said=(word(Place.FALLBACK, 3, cargo_present=True),))
        decision = observed(task, self.at_desk(Outcome.FAILED, RobotError.NOT_UNLOADED), POLICY)
        assert (last(decision), why(decision)) == (FAILED, Reason.NOT_COLLECTED)
        assert decision.request is not None
        assert (decision.request.status, decision.request.reason) == (RequestStatus.CANCELLED, Reason.NOT_COLLECTED)
        assert decision.copy is not None and decision.copy.status is CopyStatus.AVAILABLE

    @pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.CANCELLED, Outcome.SUCCEEDED])
    def test_nothing_on_board_at_the_desk_means_that_the_reader_has_it(self, outcome: Outcome) -> None:
        task = a_task(AWAITING_FALLBACK_UNLOAD, loaded=True, said=(word(Place.FALLBACK, 3, cargo_present=False),))
        decision = observed(task, self.at_desk(outcome, RobotError.NOT_UNLOADED), POLICY)
        assert (last(decision), why(decision), decision.loan) == (
            COMPLETED,
            Reason.COLLECTED_LATE,
            LoanChange.OPEN_FLAGGED,
        )

    def test_a_cancel_with_the_book_on_board_ends_at_the_desk(self) -> None:
        task = a_task(
            AWAITING_FALLBACK_UNLOAD, loaded=True, cancel=CANCEL, said=(word(Place.FALLBACK, 3, cargo_present=True),)
        )
        decision = observed(task, self.at_desk(Outcome.CANCELLED, RobotError.NONE), POLICY)
        assert (last(decision), decision.request and decision.request.reason) == (CANCELLED, Reason.CANCELLED_BY_STAFF)
        assert decision.copy is not None and decision.copy.status is CopyStatus.AVAILABLE

    def test_a_reader_who_could_not_be_reached_keeps_the_request(self) -> None:
        task = a_task(AWAITING_FALLBACK_UNLOAD, loaded=True)
        decision = observed(task, self.at_desk(Outcome.FAILED, RobotError.NAVIGATION), POLICY)
        assert (last(decision), why(decision)) == (FAILED, Reason.NAVIGATION_FAILED)
        assert decision.request is not None and decision.request.needs_attention
        assert decision.copy is not None and decision.copy.status is CopyStatus.RESERVED

    def test_an_item_still_on_an_abandoned_robot_is_missing(self) -> None:
        abandoned = ended(Outcome.FAILED, RobotError.ABANDONED, cargo=Cargo.PRESENT)
        decision = observed(a_task(AWAITING_RECOVERY, loaded=True), abandoned, POLICY)
        assert decision.copy is not None and (decision.copy.status, decision.copy.reason) == (
            CopyStatus.UNAVAILABLE,
            "MISSING",
        )

    def test_an_item_that_a_person_took_off_stays_reserved(self) -> None:
        decision = observed(a_task(AWAITING_RECOVERY, loaded=True), ended(Outcome.FAILED, RobotError.ABANDONED), POLICY)
        assert decision.copy is not None and decision.copy.status is CopyStatus.RESERVED

    @pytest.mark.parametrize(
        ("cargo", "status"), [(Cargo.ABSENT, CopyStatus.CHECKED_OUT), (Cargo.UNKNOWN, CopyStatus.UNAVAILABLE)]
    )
    def test_an_abandoned_return_flags_the_loan(self, cargo: Cargo, status: CopyStatus) -> None:
        task = a_task(AWAITING_RECOVERY, TaskType.RETURN_PICKUP, loaded=True)
        decision = observed(task, ended(Outcome.FAILED, RobotError.ABANDONED, cargo=cargo), POLICY)
        assert decision.copy is not None and (decision.copy.status, decision.loan) == (status, LoanChange.FLAG)
        assert decision.book_return is not None and decision.book_return.status is ReturnStatus.CANCELLED


class TestSilence:
    LONG_AGO = NOW - timedelta(minutes=11)

    def test_patience_first(self) -> None:
        assert silent(a_task(TO_PICKUP), NOW - timedelta(minutes=9), NOW, POLICY).empty

    @pytest.mark.parametrize("state", [ASSIGNED, TO_PICKUP])
    def test_on_its_way_to_the_pickup_the_task_goes_to_another_robot(self, state: TaskState) -> None:
        decision = silent(a_task(state), self.LONG_AGO, NOW, POLICY)
        assert (last(decision), decision.given_back) == (QUEUED, GivenBack.ROBOT_LOST)

    @pytest.mark.parametrize(
        "state", [AWAITING_LOAD, CLEARING, TO_DROPOFF, AWAITING_UNLOAD, TO_FALLBACK, AWAITING_FALLBACK_UNLOAD]
    )
    def test_anywhere_else_it_needs_a_person(self, state: TaskState) -> None:
        assert last(silent(a_task(state), self.LONG_AGO, NOW, POLICY)) == AWAITING_RECOVERY

    def test_one_that_was_to_be_cancelled_on_its_way_to_the_pickup_is(self) -> None:
        decision = silent(a_task(TO_PICKUP, cancel=CANCEL), self.LONG_AGO, NOW, POLICY)
        assert (last(decision), decision.copy) == (CANCELLED, CopyChange(CopyStatus.AVAILABLE))

    def test_said_again_it_changes_nothing(self) -> None:
        assert silent(a_task(AWAITING_RECOVERY), self.LONG_AGO, NOW, POLICY).empty
        assert silent(a_task(QUEUED), self.LONG_AGO, NOW, POLICY).empty

    def test_a_lost_journal_needs_a_person_whatever_it_did(self) -> None:
        assert last(needs_person(a_task(ASSIGNED), Reason.JOURNAL_LOST)) == AWAITING_RECOVERY
        assert needs_person(a_task(COMPLETED), Reason.JOURNAL_LOST).empty

    def test_a_robot_that_comes_back_goes_on_where_it_is(self) -> None:
        decision = observed(replace(a_task(AWAITING_RECOVERY), loaded=True), seen(Phase.TO_DROPOFF), POLICY)
        assert last(decision) == TO_DROPOFF and decision.copy is None


class TestOnWhoseWord:
    """A step that a person asked for is theirs in the history, although the robot's word moves the task."""

    @pytest.mark.parametrize(
        ("task", "told", "by"),
        [
            (a_task(AWAITING_LOAD, handover_seq=1, said=(word(Place.PICKUP, 1),)), seen(Phase.TO_DROPOFF), "someone"),
            (a_task(AWAITING_LOAD, handover_seq=1, said=(word(Place.PICKUP, 1),)), seen(Phase.CLEARING), None),
            (a_task(AWAITING_LOAD, handover_seq=1), seen(Phase.TO_DROPOFF), None),
            (
                a_task(AWAITING_UNLOAD, loaded=True, handover_seq=2, said=(word(Place.DROPOFF, 2),)),
                ended(Outcome.SUCCEEDED),
                "someone",
            ),
            (a_task(TO_PICKUP, cancel=CANCEL), ended(Outcome.CANCELLED, stop_index=0), "someone"),
            (a_task(TO_DROPOFF, loaded=True, cancel=CANCEL), seen(Phase.TO_FALLBACK), "someone"),
            (a_task(TO_DROPOFF, loaded=True), seen(Phase.TO_FALLBACK), None),
            (a_task(TO_PICKUP), seen(Phase.AWAITING_LOAD), None),
        ],
    )
    def test_it_is(self, task: TaskFacts, told: SeenDelivery, by: str | None) -> None:
        assert on_whose_word(task, observed(task, told, POLICY)) == by
