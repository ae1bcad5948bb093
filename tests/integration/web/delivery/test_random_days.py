"""Random readers, librarians and robots against the real service: whatever they do, books are where they should be.

Robots keep to their contract (a robot never leaves a stop unconfirmed, a cancel sends a loaded one back); people do
as they please.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from luna_web.delivery.domain.machines import REQUEST, RETURN, TASK, Machine
from luna_web.delivery.domain.states import RequestStatus, ReturnStatus, TaskPhase, TaskState, TaskStatus
from luna_web.robot.ports import Cargo, Handover, Outcome, Phase, RobotError, SeenDelivery
from luna_web.shared.clock import FixedClock, SystemClock
from luna_web.shared.runtime import Runtime
from luna_web.worker.jobs import all_jobs
from tests.integration.conftest import Sweeper
from tests.integration.web.delivery.world import Json, Library, Robot
from tests.integration.world import Catalog, People, data

KINDS = ["inter-staff", "workstation", "transfer"]
WISHES = [
    {"action": "RESUME"},
    {"action": "TO_FALLBACK"},
    {"outcome": "AT_DESK"},
    {"outcome": "WITH_RECIPIENT"},
    {"outcome": "LOST"},
]
UNFINISHED = "('PENDING', 'QUEUED', 'ASSIGNED', 'IN_PROGRESS')"
WHERE_COPIES_ARE = f"""
SELECT c.id, c.status,
       EXISTS (SELECT FROM loans l WHERE l.copy_id = c.id AND l.closed_at IS NULL) AS lent,
       EXISTS (SELECT FROM book_requests r WHERE r.copy_id = c.id AND r.completed_at IS NULL)
           AS asked_for,
       EXISTS (SELECT FROM loans l WHERE l.copy_id = c.id AND l.closed_how = 'LOST') AS lost,
       EXISTS (SELECT FROM holds h WHERE h.offered_copy_id = c.id AND h.status = 'OFFERED') AS offered,
       EXISTS (SELECT FROM delivery_tasks t WHERE t.copy_id = c.id AND t.status IN {UNFINISHED}
               AND t.task_type = 'RETURN_PICKUP') AS called_for,
       EXISTS (SELECT FROM delivery_tasks t WHERE t.copy_id = c.id AND t.status IN {UNFINISHED}
               AND t.loaded_at IS NOT NULL) AS on_board,
       EXISTS (SELECT FROM delivery_tasks t WHERE t.copy_id = c.id AND t.status IN {UNFINISHED}
               AND t.copy_status_before = 'AVAILABLE') AS sent,
       c.status_reason
FROM copies c
"""  # noqa: S608 - no input in it
WAITED_FOR_THOUGH_FREE = """
SELECT h.id FROM holds h JOIN copies c ON c.book_id = h.book_id AND c.status = 'AVAILABLE' WHERE h.status = 'WAITING'
"""

STEPS = "SELECT task_id, subject, from_status, from_phase, to_status, phase FROM task_status_history ORDER BY id"
STATES = """
SELECT 'TASK' AS subject, id AS task_id, status, phase FROM delivery_tasks
UNION ALL
SELECT 'REQUEST', t.id, r.status, NULL FROM book_requests r JOIN delivery_tasks t ON t.request_id = r.id
UNION ALL
SELECT 'RETURN', t.id, r.status, NULL FROM book_returns r JOIN delivery_tasks t ON t.return_id = r.id
"""


def task_state(status: str, phase: str | None) -> TaskState:
    return TaskState(TaskStatus(status), TaskPhase(phase) if phase else None)


MACHINES: Mapping[str, tuple[Machine[Any], Callable[[str, str | None], Any]]] = {
    "TASK": (TASK, task_state),
    "REQUEST": (REQUEST, lambda status, _: RequestStatus(status)),
    "RETURN": (RETURN, lambda status, _: ReturnStatus(status)),
}


@dataclass
class Simulated:
    """A robot that keeps its contract, one step at a time."""

    robot: Robot
    phase: Phase | None = None
    error: RobotError = RobotError.NONE
    said: list[SeenDelivery] = field(default_factory=list)

    def step(self, impatient: bool, lost_its_way: bool) -> None:
        for settlement in self.robot.settlements():
            self.robot.takes(settlement)
        wanted = self.robot.wanted()
        if wanted is None:
            self.phase = None
            if self.robot.claim():
                self.error = RobotError.NONE
                self._show(Phase.TO_PICKUP)
            return
        self.robot.delivery = wanted
        cancel = wanted.cancel is not None
        self._steps()[self.phase or Phase.TO_PICKUP](cancel, impatient, lost_its_way)

    def _steps(self) -> dict[Phase, Callable[[bool, bool, bool], None]]:
        return {
            Phase.TO_PICKUP: self._to_pickup,
            Phase.AWAITING_LOAD: self._awaiting_load,
            Phase.CLEARING: self._clearing,
            Phase.TO_DROPOFF: self._to_dropoff,
            Phase.AWAITING_UNLOAD: self._awaiting_unload,
            Phase.TO_FALLBACK: self._to_fallback,
            Phase.AWAITING_RECOVERY: self._awaiting_recovery,
            Phase.AWAITING_FALLBACK_UNLOAD: self._at_fallback,
        }

    def _to_pickup(self, cancel: bool, impatient: bool, lost_its_way: bool) -> None:
        if cancel:
            self._end(Outcome.CANCELLED)
        elif lost_its_way:
            self._end(Outcome.FAILED, RobotError.NAVIGATION)
        else:
            self._show(Phase.AWAITING_LOAD)

    def _awaiting_load(self, cancel: bool, impatient: bool, lost_its_way: bool) -> None:
        if self._confirmed(Handover.LOAD):
            self._show(Phase.TO_DROPOFF)
        elif cancel or impatient:
            self._show(Phase.CLEARING)

    def _clearing(self, cancel: bool, impatient: bool, lost_its_way: bool) -> None:
        if cancel:
            self._end(Outcome.CANCELLED)
        elif self._confirmed(Handover.LOAD):
            self._show(Phase.TO_DROPOFF)
        else:
            self._end(Outcome.FAILED, RobotError.NOT_LOADED)

    def _to_dropoff(self, cancel: bool, impatient: bool, lost_its_way: bool) -> None:
        if self._has_fallback and (cancel or lost_its_way):
            self.error = RobotError.NONE if cancel else RobotError.NAVIGATION
            self._show(Phase.TO_FALLBACK)
        else:
            self._show(Phase.AWAITING_UNLOAD)

    def _awaiting_unload(self, cancel: bool, impatient: bool, lost_its_way: bool) -> None:
        if self._confirmed(Handover.UNLOAD):
            self._end(Outcome.SUCCEEDED)
        elif self._has_fallback and (cancel or impatient):
            self.error = RobotError.NONE if cancel else RobotError.NOT_UNLOADED
            self._show(Phase.TO_FALLBACK)

    def _to_fallback(self, cancel: bool, impatient: bool, lost_its_way: bool) -> None:
        if lost_its_way:
            self.phase = Phase.AWAITING_RECOVERY
            self.said.append(self.robot.shows(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT))
        else:
            self._show(Phase.AWAITING_FALLBACK_UNLOAD)

    def _awaiting_recovery(self, cancel: bool, impatient: bool, lost_its_way: bool) -> None:
        """It stands until a person says what to do."""
        if self.robot.delivery is not None and self.robot.delivery.recovery is not None:
            self._show(Phase.TO_FALLBACK)

    def _at_fallback(self, cancel: bool, impatient: bool, lost_its_way: bool) -> None:
        if self._confirmed(Handover.UNLOAD):
            outcome = Outcome.CANCELLED if self.error is RobotError.NONE else Outcome.FAILED
            self._end(outcome, self.error, at_fallback=True)

    @property
    def _has_fallback(self) -> bool:
        return self.robot.delivery is not None and self.robot.delivery.fallback is not None

    def _confirmed(self, handover: Handover) -> bool:
        wanted, last = self.robot.delivery, self.robot.last
        return bool(wanted and last) and any(
            (said.handover, said.handover_seq) == (handover, last.handover_seq)  # type: ignore[union-attr]
            for said in wanted.confirmations  # type: ignore[union-attr]
        )

    def _show(self, phase: Phase) -> None:
        self.phase = phase
        self.said.append(self.robot.shows(phase))

    def _end(self, outcome: Outcome, error: RobotError = RobotError.NONE, *, at_fallback: bool = False) -> None:
        self.said.append(self.robot.ends(outcome, error, at_fallback=at_fallback))
        self.phase = None


class Day(RuleBasedStateMachine):
    """Two readers, a librarian, two robots, three copies of two titles."""

    open_library: Callable[[], Library]

    def __init__(self) -> None:
        super().__init__()
        self.library = type(self).open_library()
        self.readers = [self.library.reader, self.library.student()]
        self.books = [self.library.book(copies=2), self.library.book(title="Flatland")]
        self.robots = [Simulated(self.library.luna1), Simulated(self.library.robot())]

    @rule(reader=st.integers(0, 1), book=st.integers(0, 1))
    def ask(self, reader: int, book: int) -> None:
        wish = {"book_id": self.books[book].id, "request_location": "STUDY-1"}
        self._answered(self.readers[reader].api.post("/requests", wish))

    @rule(book=st.integers(0, 1), copy=st.integers(0, 1), kind=st.sampled_from(KINDS))
    def send(self, book: int, copy: int, kind: str) -> None:
        copies = self.books[book].copies
        wish = {
            "copy_id": copies[copy % len(copies)],
            "source_location": "DESK-1",
            "destination_location": "SHELF-1",
        }
        self._answered(self.library.librarian.api.post(f"/deliveries/{kind}", wish))

    @rule(
        pick=st.integers(0, 9),
        wish=st.sampled_from(WISHES),
    )
    def settle(self, pick: int, wish: Json) -> None:
        if task := self._some("/deliveries", pick, status="IN_PROGRESS"):
            self._answered(self.library.librarian.api.post(f"/deliveries/{task['id']}/recover", wish))

    @rule(pick=st.integers(0, 9))
    def try_again(self, pick: int) -> None:
        if task := self._some("/deliveries", pick, status="FAILED"):
            self._answered(self.library.librarian.api.post(f"/deliveries/{task['id']}/retry", {}))

    @rule(pick=st.integers(0, 9), priority=st.sampled_from(["LOW", "URGENT"]))
    def hurry(self, pick: int, priority: str) -> None:
        if task := self._some("/deliveries", pick):
            self._answered(self.library.librarian.api.put(f"/deliveries/{task['id']}/priority", {"priority": priority}))

    @rule(pick=st.integers(0, 9))
    def accept(self, pick: int) -> None:
        if request := self._some("/requests", pick):
            self._answered(self.library.librarian.api.put(f"/requests/{request['id']}/approve", {}))

    @rule(reader=st.integers(0, 1), pick=st.integers(0, 9))
    def give_back(self, reader: int, pick: int) -> None:
        loans = data(self.readers[reader].api.get("/loans", params={"open": True}))
        if loans:
            wish = {"loan_id": loans[pick % len(loans)]["id"], "pickup_location": "STUDY-2"}
            self._answered(self.readers[reader].api.post("/returns", wish))

    @rule(robot=st.integers(0, 1), impatient=st.booleans(), lost_its_way=st.booleans())
    def drive(self, robot: int, impatient: bool, lost_its_way: bool) -> None:
        self.robots[robot].step(impatient, lost_its_way)

    @rule(rounds=st.integers(1, 9), reader=st.integers(0, 1), book=st.integers(0, 1))
    def business_as_usual(self, rounds: int, reader: int, book: int) -> None:
        """For a while everybody does what is expected of them, so that days get somewhere."""
        self.ask(reader, book)
        for _ in range(rounds):
            self._staff_do_their_part()
            self.reader_confirms(reader, 0)
            for robot in self.robots:
                robot.step(False, False)

    def _staff_do_their_part(self) -> None:
        staff = self.library.librarian.api
        for request in data(staff.get("/requests", params={"status": "PENDING"})):
            self._answered(staff.put(f"/requests/{request['id']}/approve", {}))
        for task in data(staff.get("/deliveries", params={"status": "IN_PROGRESS"})):
            if task["task_type"] != "RETURN_PICKUP":
                self._answered(staff.put(f"/deliveries/{task['id']}/book-placed", {}))
            if task["phase"] == "AWAITING_FALLBACK_UNLOAD" or task["task_type"] != "STUDENT_DELIVERY":
                self._answered(staff.put(f"/deliveries/{task['id']}/complete", {"cargo_present": True}))

    @precondition(lambda self: any(robot.said for robot in self.robots))
    @rule(pick=st.integers(0, 99), robot=st.integers(0, 1), stranger=st.booleans())
    def hear_again(self, pick: int, robot: int, stranger: bool) -> None:
        """Something old arrives late, or through the wrong robot."""
        said = self.robots[robot].said
        if said:
            speaker = self.robots[1 - robot] if stranger else self.robots[robot]
            speaker.robot.again(said[pick % len(said)])

    @rule(pick=st.integers(0, 9), was_there=st.sampled_from([None, True, False]))
    def staff_confirm(self, pick: int, was_there: bool | None) -> None:
        if task := self._some("/deliveries", pick, status="IN_PROGRESS"):
            staff = self.library.librarian.api
            self._answered(staff.put(f"/deliveries/{task['id']}/book-placed", {}))
            self._answered(staff.put(f"/deliveries/{task['id']}/complete", {"cargo_present": was_there}))

    @rule(reader=st.integers(0, 1), pick=st.integers(0, 9))
    def reader_confirms(self, reader: int, pick: int) -> None:
        api = self.readers[reader].api
        for path, word in (("/requests", "complete"), ("/returns", "picked-up")):
            rows = data(api.get(path))
            if rows:
                self._answered(api.put(f"{path}/{rows[pick % len(rows)]['id']}/{word}", {}))

    @rule(reader=st.integers(0, 1), pick=st.integers(0, 9), path=st.sampled_from(["/requests", "/returns"]))
    def reader_cancels(self, reader: int, pick: int, path: str) -> None:
        api = self.readers[reader].api
        rows = data(api.get(path))
        if rows:
            self._answered(api.put(f"{path}/{rows[pick % len(rows)]['id']}/cancel", {}))

    @rule(pick=st.integers(0, 9))
    def staff_cancel(self, pick: int) -> None:
        if task := self._some("/deliveries", pick):
            self._answered(self.library.librarian.api.put(f"/deliveries/{task['id']}/cancel", {}))

    @rule(reader=st.integers(0, 1), book=st.integers(0, 1), copy=st.integers(0, 1))
    def lend_at_the_desk(self, reader: int, book: int, copy: int) -> None:
        barcodes = self.books[book].barcodes
        wish = {"user_id": str(self.readers[reader].id), "barcode": barcodes[copy % len(barcodes)]}
        self._answered(self.library.librarian.api.post("/loans", wish))

    @rule(book=st.integers(0, 1), copy=st.integers(0, 1))
    def check_in(self, book: int, copy: int) -> None:
        barcodes = self.books[book].barcodes
        scanned = {"barcode": barcodes[copy % len(barcodes)]}
        self._answered(self.library.librarian.api.post("/loans/checkin", scanned))

    @rule(pick=st.integers(0, 9), word=st.sampled_from(["renew", "checkin", "lost"]))
    def loan_at_the_desk(self, pick: int, word: str) -> None:
        if loan := self._some("/loans", pick):
            self._answered(self.library.librarian.api.put(f"/loans/{loan['id']}/{word}", {}))

    @rule(reader=st.integers(0, 1), book=st.integers(0, 1))
    def wait_in_line(self, reader: int, book: int) -> None:
        self._answered(self.readers[reader].api.post("/holds", {"book_id": self.books[book].id}))

    @rule(pick=st.integers(0, 9))
    def leave_the_line(self, pick: int) -> None:
        if hold := self._some("/holds", pick):
            self._answered(self.library.librarian.api.delete(f"/holds/{hold['id']}"))

    @rule(days=st.sampled_from([1.1, 2.1, 30]))
    def time_passes(self, days: float) -> None:
        """As far as the jobs are concerned."""
        clock = FixedClock(SystemClock().now() + timedelta(days=days))
        for job in all_jobs(self.library.runtime.settings, clock):
            for step in job.steps if job.name != "retention" else ():
                assert not step.part(self.library.runtime.session_factory).failed, step.name

    @rule(robot=st.integers(0, 1), minutes=st.sampled_from([1, 11]))
    def fall_silent(self, robot: int, minutes: int) -> None:
        self.robots[robot].robot.loses(minutes)
        with self.library.transaction() as session:
            self.library.desk.found(session, self.robots[robot].robot.id)

    @invariant()
    def every_copy_is_in_one_place(self) -> None:
        for row in self.library.rows(WHERE_COPIES_ARE):
            if row.on_board:
                expected = "ON_ROBOT"
            elif row.lent:
                expected = "CHECKED_OUT"
            elif row.lost:
                expected = "UNAVAILABLE"
            else:
                kept = row.asked_for or row.sent or row.offered or row.called_for
                expected = "RESERVED" if kept else "AVAILABLE"
            gone = row.status == "UNAVAILABLE" and row.status_reason in ("LOST", "MISSING", "IN_PROCESS")
            assert row.status == expected or (gone and not row.on_board), row
            assert row.lent + row.asked_for + row.offered <= 1, row

    @invariant()
    def nobody_waits_for_a_copy_that_is_free(self) -> None:
        assert not self.library.rows(WAITED_FOR_THOUGH_FREE)

    @invariant()
    def history_replays_to_the_state(self) -> None:
        steps: dict[tuple[UUID, str], list[Any]] = defaultdict(list)
        for step in self.library.rows(STEPS):
            steps[step.task_id, step.subject].append(step)
        for row in self.library.rows(STATES):
            machine, state = MACHINES[row.subject]
            first, *later = steps[row.task_id, row.subject]
            here = state(first.to_status, first.phase)
            for step in later:
                assert here == state(step.from_status, step.from_phase)
                after = state(step.to_status, step.phase)
                machine.check(here, after)
                here = after
            assert here == state(row.status, row.phase)

    def _some(self, path: str, pick: int, **params: str) -> Json | None:
        rows = data(self.library.librarian.api.get(path, params=params))
        return dict(rows[pick % len(rows)]) if rows else None

    def _answered(self, answer: Any) -> None:
        assert answer.status_code < 500, answer.text


def test_random_days(runtime: Runtime, people: People, catalog: Catalog, sweeper: Sweeper) -> None:
    def open_library() -> Library:
        sweeper.sweep()
        return Library(runtime, people, catalog)

    class ThisDay(Day):
        pass

    ThisDay.open_library = staticmethod(open_library)
    few = settings(
        max_examples=8,
        stateful_step_count=40,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(ThisDay, settings=few)
