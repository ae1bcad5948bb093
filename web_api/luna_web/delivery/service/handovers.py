"""What people say of a hand-over: recorded here, done when the robot's status shows that it took it."""

from uuid import UUID

from luna_web.book import service as books
from luna_web.book.domain import CopyStatus
from luna_web.delivery import events
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import Place, Said, TaskFacts
from luna_web.delivery.domain.handover import Verdict, late_claim, loading, unloading
from luna_web.delivery.domain.states import COMPLETED, TaskState, TaskType
from luna_web.delivery.errors import RobotNotAtStop, WrongBook, as_answer, cancelled_meanwhile
from luna_web.delivery.models import DeliveryTask
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import facts_of, said_to_json, state_of
from luna_web.delivery.service.work import Work
from luna_web.robot.ports import Handover
from luna_web.shared.errors import ValidationFailed


def loaded(work: Work, rows: TaskRows, barcode: str | None = None) -> bool:
    """Somebody laid the item on the robot. True while the robot has not taken that yet.

    Raises RobotNotAtStop, WrongBook, IllegalTransition.
    """
    verdict = loading(facts_of(rows.task))
    _refuse(rows.task, verdict, machines.TO_DROPOFF)
    if barcode and verdict is not Verdict.DONE:
        _right_copy(work, rows, barcode)
    if verdict is Verdict.RECORD:
        _record(work, rows, Handover.LOAD, None)
    return verdict is not Verdict.DONE


def unloaded(work: Work, rows: TaskRows, cargo_present: bool | None = None) -> bool:
    """Staff took the item off, at the destination or where it was brought back. True until the robot has taken it.

    Raises RobotNotAtStop, IllegalTransition; ValidationFailed where they must say whether something was on board.
    """
    facts = facts_of(rows.task)
    verdict = unloading(facts, at_fallback=True)
    _refuse(rows.task, verdict, COMPLETED)
    if verdict is Verdict.RECORD and facts.place is Place.FALLBACK and cargo_present is None:
        raise ValidationFailed({"cargo_present": ["say whether the book was still on the robot"]})
    if verdict is Verdict.RECORD:
        _record(work, rows, Handover.UNLOAD, cargo_present)
    return verdict is not Verdict.DONE


def received(work: Work, rows: TaskRows) -> bool:
    """The reader says that they have the book: at the destination, or belatedly while the robot goes back.

    True while the robot (or, belatedly, the desk) has not confirmed that. Raises RobotNotAtStop, IllegalTransition.
    """
    facts = facts_of(rows.task)
    verdict = unloading(facts, at_fallback=False)
    if verdict is Verdict.NOT_AT_STOP:
        return _claimed_late(work, rows, facts)
    _refuse(rows.task, verdict, COMPLETED)
    if verdict is Verdict.RECORD:
        _record(work, rows, Handover.UNLOAD, None)
    return verdict is not Verdict.DONE


def _claimed_late(work: Work, rows: TaskRows, facts: TaskFacts) -> bool:
    verdict = late_claim(facts)
    _refuse(rows.task, verdict, COMPLETED)
    if verdict is Verdict.RECORD:
        _say(work, rows, _said(work, facts, Handover.UNLOAD, Place.DROPOFF, 0, None))
        work.ledger(rows.task.trace_id).told(rows, "claimed")
    return True


def _refuse(task: DeliveryTask, verdict: Verdict, wanted: TaskState) -> None:
    if verdict is Verdict.NOT_AT_STOP:
        raise RobotNotAtStop(task.status, task.phase)
    if verdict is Verdict.CANCELLED_MEANWHILE:
        raise cancelled_meanwhile(task.status, task.phase, str(wanted))
    if verdict is Verdict.ILLEGAL:
        state = state_of(task)
        raise as_answer(machines.TASK.refusal(state, wanted))


def _record(work: Work, rows: TaskRows, handover: Handover, cargo_present: bool | None) -> None:
    facts = facts_of(rows.task)
    if facts.place is None:
        raise RobotNotAtStop(rows.task.status, rows.task.phase)
    _say(work, rows, _said(work, facts, handover, facts.place, facts.handover_seq, cargo_present))
    events.wake_controller(work.session, rows.task.assigned_robot_id)


def _said(
    work: Work, facts: TaskFacts, handover: Handover, place: Place, handover_seq: int, cargo_present: bool | None
) -> Said:
    who = work.principal
    return Said(handover, place, facts.attempt, handover_seq, cargo_present, str(who.user_id), who.email, work.now)


def _say(work: Work, rows: TaskRows, said: Said) -> None:
    rows.task.said = [*rows.task.said, said_to_json(said)]
    changes = {"place": said.place, "attempt": said.attempt, "cargo_present": said.cargo_present}
    work.audit(f"delivery.{said.handover.lower()}_confirmed", "delivery", rows.task.id, changes)
    work.session.flush()


def _right_copy(work: Work, rows: TaskRows, barcode: str) -> None:
    """Another free copy of the same title takes the reserved one's place; another title is refused."""
    expected = books.get_copy(work.session, rows.task.copy_id) if rows.task.copy_id else None
    if expected is None or expected.barcode == barcode:
        return
    scanned = books.get_copy_by_barcode(work.session, barcode)
    if scanned is None or scanned.book_id != expected.book_id:
        raise WrongBook("This is not the book that was asked for", expected.barcode, barcode)
    if rows.task.task_type != TaskType.STUDENT_DELIVERY or scanned.status != CopyStatus.AVAILABLE:
        raise WrongBook("This copy is meant for somebody else", expected.barcode, barcode)
    _swap(work, rows, expected.id, scanned.id)


def _swap(work: Work, rows: TaskRows, reserved: UUID, laid_on: UUID) -> None:
    waiting_list, book_id = work.waiting_list(), books.get_copy(work.session, laid_on).book_id
    waiting_list.lock(book_id)
    books.set_copy_status(work.session, laid_on, (CopyStatus.AVAILABLE,), CopyStatus.RESERVED)
    rows.task.copy_id = laid_on
    if rows.request:
        rows.request.copy_id = laid_on
    waiting_list.free(reserved, book_id)
    work.audit("delivery.copy_swapped", "delivery", rows.task.id, {"from": str(reserved), "to": str(laid_on)})
