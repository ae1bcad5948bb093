"""The desk that robots get their work from and tell what they did: `luna_web.robot.ports.DeliveryDesk`.

Every call happens in a transaction of the robot's controller, which holds the robot's lease.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.delivery import repository
from luna_web.delivery.domain.facts import Decision, Policy, ReturnChange, Said, TaskFacts, TaskStep
from luna_web.delivery.domain.following import observed
from luna_web.delivery.domain.silence import needs_person, silent
from luna_web.delivery.domain.states import ASSIGNED, Reason, ReturnStatus, TaskPhase
from luna_web.delivery.domain.stops import stop_from_json
from luna_web.delivery.ledger import Cause, Ledger
from luna_web.delivery.models import DeliveryTask
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import facts_of
from luna_web.robot.ports import (
    CancelWanted,
    Cargo,
    Confirmation,
    FreeRobot,
    Phase,
    SeenDelivery,
    TaskInHand,
    WantedDelivery,
)
from luna_web.shared.clock import Clock


class Desk:
    def __init__(self, clock: Clock, policy: Policy | None = None) -> None:
        self._clock = clock
        self._policy = policy or Policy()

    def wanted(self, session: Session, robot_id: UUID) -> WantedDelivery | None:
        task = repository.task_in_hand(session, robot_id)
        return _wanted(task) if task else None

    def claim_next(self, session: Session, robot: FreeRobot) -> WantedDelivery | None:
        rows = repository.lock_next_queued(session, self._clock.now())
        if rows is None or repository.task_in_hand(session, robot.robot_id):
            return None
        rows.task.assigned_robot_id = robot.robot_id
        scheduled = ReturnChange(ReturnStatus.PICKUP_SCHEDULED)
        self._carry_out(session, rows, Decision(steps=(TaskStep(ASSIGNED),), book_return=scheduled))
        return _wanted(rows.task)

    def observe(self, session: Session, robot_id: UUID, seen: SeenDelivery) -> None:
        if seen.task_id is None:
            return
        rows = repository.lock_task(session, seen.task_id)
        if rows is None or not _is_of(rows.task, robot_id, seen) or _is_older(rows.task, seen):
            return
        before = facts_of(rows.task)
        decision = observed(before, seen, self._policy)
        _remember(rows.task, seen)
        self._carry_out(session, rows, decision)
        if not before.finished and decision.empty and before.handover_seq != rows.task.handover_seq:
            self._ledger(session, rows).told(rows, "handover")

    def lost(self, session: Session, robot_id: UUID, since: datetime) -> None:
        rows = repository.lock_task_in_hand(session, robot_id)
        if rows is None:
            return
        if rows.task.robot_lost_since is None:
            rows.task.robot_lost_since = since
            self._ledger(session, rows).told(rows, "robot_lost")
        self._carry_out(session, rows, silent(facts_of(rows.task), since, self._clock.now(), self._policy))

    def found(self, session: Session, robot_id: UUID) -> None:
        rows = repository.lock_task_in_hand(session, robot_id)
        if rows is not None and rows.task.robot_lost_since is not None:
            rows.task.robot_lost_since = None
            self._ledger(session, rows).told(rows, "robot_found")

    def journal_lost(self, session: Session, robot_id: UUID, task_id: UUID) -> None:
        rows = repository.lock_task(session, task_id)
        if rows is not None and rows.task.assigned_robot_id == robot_id:
            self._carry_out(session, rows, needs_person(facts_of(rows.task), Reason.JOURNAL_LOST))

    def tasks_in_hand(self, session: Session, robot_ids: Collection[UUID]) -> Mapping[UUID, TaskInHand]:
        tasks = repository.tasks_in_hand(session, robot_ids)
        return {task.assigned_robot_id: _in_hand(task) for task in tasks if task.assigned_robot_id}

    def serves(self, session: Session, robot_id: UUID, user_id: UUID) -> bool:
        task = repository.task_in_hand(session, robot_id)
        return task is not None and task.recipient_id == user_id

    def _ledger(self, session: Session, rows: TaskRows) -> Ledger:
        return Ledger(session, self._policy, Cause(self._clock.now(), rows.task.trace_id))

    def _carry_out(self, session: Session, rows: TaskRows, decision: Decision) -> None:
        self._ledger(session, rows).carry_out(rows, decision)
        session.flush()


def _is_of(task: DeliveryTask, robot_id: UUID, seen: SeenDelivery) -> bool:
    return task.assigned_robot_id == robot_id and task.attempt == seen.attempt and not facts_of(task).finished


def _is_older(task: DeliveryTask, seen: SeenDelivery) -> bool:
    """The robot's journal was further when it was heard last."""
    return task.observed_journal_id == seen.journal_id and (task.observed_journal_seq or 0) > seen.journal_seq


def _remember(task: DeliveryTask, seen: SeenDelivery) -> None:
    task.observed_journal_id, task.observed_journal_seq = seen.journal_id, seen.journal_seq
    task.handover_seq = 0 if seen.finished else seen.handover_seq


def _wanted(task: DeliveryTask) -> WantedDelivery:
    facts = facts_of(task)
    return WantedDelivery(
        task_id=task.id,
        attempt=task.attempt,
        trace_id=task.trace_id,
        stops=tuple(stop_from_json(stop) for stop in task.stops),
        fallback=stop_from_json(task.fallback) if task.fallback else None,
        confirmations=tuple(_confirmation(word) for word in facts.said if _counts(facts, word)),
        cancel=CancelWanted(facts.cancel.note or facts.cancel.reason, facts.cancel.by_name) if facts.cancel else None,
    )


def _counts(facts: TaskFacts, word: Said) -> bool:
    """Of this attempt, and about a hand-over; what a reader claims from afar is settled at the desk."""
    return word.attempt == facts.attempt and word.handover_seq > 0


def _confirmation(word: Said) -> Confirmation:
    """The item is off the robot after unloading whether it was on board before or not."""
    return Confirmation(word.handover, word.handover_seq, Cargo.UNKNOWN, word.by_name)


def _in_hand(task: DeliveryTask) -> TaskInHand:
    return TaskInHand(
        task_id=task.id,
        task_type=task.task_type,
        phase=Phase(task.phase) if task.phase else None,
        destination=_destination(task),
    )


def _destination(task: DeliveryTask) -> str:
    """Where the robot is heading: the source until it is loaded and when it turns back, else the destination."""
    facts = facts_of(task)
    turned_back = facts.state.phase in (TaskPhase.TO_FALLBACK, TaskPhase.AWAITING_FALLBACK_UNLOAD)
    heading = task.destination_location if facts.loaded and not turned_back else task.source_location
    return heading or task.destination_location
