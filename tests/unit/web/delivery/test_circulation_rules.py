"""Renewals, notices, and what a scan at the desk comes to."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain.facts import Policy, TaskFacts
from luna_web.delivery.domain.machines import HOLD, LOAN
from luna_web.delivery.domain.notices import Notice, notice_due
from luna_web.delivery.domain.renewing import Refusal, Renewing, renewal
from luna_web.delivery.domain.scanning import REFUSED, CheckIn, Lend, Scanned, check_in, collectable, lend
from luna_web.delivery.domain.states import (
    ASSIGNED,
    QUEUED,
    HoldStatus,
    LoanStatus,
    TaskPhase,
    TaskType,
    in_phase,
)

DUE = datetime(2026, 12, 1, 12, tzinfo=UTC)
POLICY = Policy()
UNHURRIED = settings(deadline=None)
"""The machine may be busy; what these rules say does not take longer for that."""
TIMES = st.integers(-60 * 24, 60 * 24).map(lambda hours: DUE + timedelta(hours=hours))
WISHES = st.builds(
    Renewing,
    due_at=TIMES,
    renewals=st.integers(0, 3),
    flagged=st.booleans(),
    waited_for=st.booleans(),
    being_returned=st.booleans(),
)


def test_terminal_states() -> None:
    assert LOAN.terminal == {LoanStatus.RETURNED}
    assert HOLD.terminal == {HoldStatus.FULFILLED, HoldStatus.EXPIRED, HoldStatus.CANCELLED}
    assert set(HOLD.states) == set(HoldStatus)
    assert set(LOAN.states) == set(LoanStatus)


class TestRenewal:
    @UNHURRIED
    @given(WISHES, TIMES)
    def test_no_renewal_shortens_a_loan_or_exceeds_a_period_from_now(self, wish: Renewing, now: datetime) -> None:
        until = renewal(wish, now, POLICY)
        if isinstance(until, datetime):
            assert until >= wish.due_at
            assert until in (wish.due_at, now + POLICY.loan_period)

    @UNHURRIED
    @given(WISHES, TIMES)
    def test_whoever_is_waited_for_renews_nothing(self, wish: Renewing, now: datetime) -> None:
        asked = Renewing(wish.due_at, wish.renewals, wish.flagged, True, wish.being_returned)
        assert isinstance(renewal(asked, now, POLICY), Refusal)

    @UNHURRIED
    @given(st.integers(0, 5), TIMES)
    def test_renewing_twice_at_once_gives_the_same_date(self, renewals: int, now: datetime) -> None:
        first = renewal(Renewing(now, renewals), now, POLICY)
        if isinstance(first, datetime):
            assert renewal(Renewing(first, renewals + 1), now + timedelta(hours=1), POLICY) == first

    @pytest.mark.parametrize(
        ("wish", "refusal"),
        [
            (Renewing(DUE, 2), Refusal.LIMIT),
            (Renewing(DUE, 0, flagged=True), Refusal.FLAGGED),
            (Renewing(DUE, 0, waited_for=True), Refusal.WAITED_FOR),
            (Renewing(DUE, 0, being_returned=True), Refusal.BEING_RETURNED),
            (Renewing(DUE - timedelta(days=8), 0), Refusal.OVERDUE),
        ],
    )
    def test_it_is_said_why_not(self, wish: Renewing, refusal: Refusal) -> None:
        assert renewal(wish, DUE, POLICY) is refusal


class TestNotices:
    @pytest.mark.parametrize(
        ("days", "given_before", "due"),
        [
            (-4, None, None),
            (-3, None, Notice.DUE_SOON),
            (-2, Notice.DUE_SOON, None),
            (0, Notice.DUE_SOON, Notice.DUE),
            (0.5, Notice.DUE, None),
            (1, Notice.DUE, Notice.OVERDUE),
            (30, Notice.OVERDUE, None),
            (30, None, Notice.OVERDUE),
        ],
    )
    def test_each_has_its_day(self, days: float, given_before: Notice | None, due: Notice | None) -> None:
        assert notice_due(DUE, given_before, DUE + timedelta(days=days), POLICY) is due

    @UNHURRIED
    @given(st.lists(st.floats(-10, 40), max_size=20))
    def test_however_often_one_looks_each_is_given_once_and_in_order(self, days: list[float]) -> None:
        given_so_far: list[Notice] = []
        for day in sorted(days):
            last = given_so_far[-1] if given_so_far else None
            if notice := notice_due(DUE, last, DUE + timedelta(days=day), POLICY):
                given_so_far.append(notice)
        assert given_so_far == [notice for notice in Notice if notice in given_so_far]


TASKS = st.one_of(
    st.none(),
    st.builds(
        TaskFacts,
        type=st.sampled_from([TaskType.STUDENT_DELIVERY, TaskType.RETURN_PICKUP]),
        state=st.sampled_from([QUEUED, ASSIGNED, *(in_phase(phase) for phase in TaskPhase)]),
        attempt=st.just(1),
        loaded=st.booleans(),
    ),
)
UNAVAILABLE = [(CopyStatus.UNAVAILABLE, reason) for reason in StatusReason]
STANDINGS = st.sampled_from([*((status, None) for status in CopyStatus if status != "UNAVAILABLE"), *UNAVAILABLE])
REFUSALS = (CheckIn.ON_ROBOT, CheckIn.HANDOVER_PENDING, CheckIn.WITHDRAWN, CheckIn.KEPT)


class TestScans:
    @UNHURRIED
    @given(STANDINGS, st.booleans(), st.booleans(), st.booleans(), TASKS, st.booleans())
    def test_what_is_on_a_robot_is_never_checked_in(
        self,
        standing: tuple[CopyStatus, StatusReason | None],
        lent: bool,
        asked_for: bool,
        offered: bool,
        task: TaskFacts | None,
        damaged: bool,
    ) -> None:
        scanned = Scanned(*standing, lent, asked_for, offered, task)
        what = check_in(scanned, damaged=damaged)
        if standing[0] is CopyStatus.ON_ROBOT or (task is not None and task.loaded):
            assert what is CheckIn.ON_ROBOT
        if what in (CheckIn.RETURNED, CheckIn.CALLED_OFF):
            assert lent
        if lent and what not in REFUSALS:
            assert what in (CheckIn.RETURNED, CheckIn.CALLED_OFF)

    def test_a_robot_that_has_the_task_is_called_off(self) -> None:
        under_way = TaskFacts(TaskType.RETURN_PICKUP, in_phase(TaskPhase.AWAITING_LOAD), 1)
        assert check_in(Scanned(CopyStatus.CHECKED_OUT, lent=True, task=under_way)) is CheckIn.CALLED_OFF

    @UNHURRIED
    @given(st.sampled_from(CopyStatus), st.booleans(), st.booleans())
    def test_only_what_is_free_or_kept_for_the_reader_is_lent(
        self, status: CopyStatus, offered: bool, requested: bool
    ) -> None:
        as_what = lend(status, offered_to_reader=offered, requested_by_reader=requested)
        lendable = status is CopyStatus.AVAILABLE or (status is CopyStatus.RESERVED and (offered or requested))
        assert (as_what not in REFUSED) is lendable
        assert as_what is not Lend.OFFERED or offered

    @pytest.mark.parametrize(("state", "possible"), [(QUEUED, True), (ASSIGNED, False)])
    def test_a_book_is_fetched_only_before_a_robot_is_sent(self, state: object, possible: bool) -> None:
        assert collectable(TaskFacts(TaskType.STUDENT_DELIVERY, state, 1)) is possible  # type: ignore[arg-type]
