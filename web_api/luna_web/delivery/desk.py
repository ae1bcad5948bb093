"""The desk that robots get their work from and tell what they did: `luna_web.robot.ports.DeliveryDesk`.

Every call happens in a transaction of the robot's controller, which holds the robot's lease.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.delivery import events, repository
from luna_web.delivery.domain.assignment import Assigned, Offer, assign
from luna_web.delivery.domain.facts import Decision, Policy, RecoveryAsked, ReturnChange, Said, TaskFacts, TaskStep
from luna_web.delivery.domain.following import observed, on_whose_word
from luna_web.delivery.domain.queueing import served_now
from luna_web.delivery.domain.recovering import still_asked
from luna_web.delivery.domain.silence import needs_person, silent
from luna_web.delivery.domain.states import ASSIGNED, Reason, ReturnStatus, TaskPhase
from luna_web.delivery.domain.stops import stop_from_json
from luna_web.delivery.ledger import Cause, Ledger
from luna_web.delivery.models import DeliveryTask
from luna_web.delivery.policies import Policies
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import facts_of
from luna_web.robot.ports import (
    CancelWanted,
    Cargo,
    Confirmation,
    FreeRobot,
    Phase,
    RecoveryAction,
    RecoveryWanted,
    SeenDelivery,
    Settlement,
    TaskInHand,
    WantedDelivery,
)
from luna_web.shared.clock import Clock

SPARE_OFFERS = 20
"""So many more tasks than robots are looked at: the first of them may be too far for a robot's battery."""


class Desk:
    def __init__(self, clock: Clock, policies: Policies) -> None:
        self._clock = clock
        self._policies = policies

    def wanted(self, session: Session, robot_id: UUID) -> WantedDelivery | None:
        task = repository.task_in_hand(session, robot_id)
        return _wanted(task, self._clock.now(), self._policies(session)) if task else None

    def claim_next(
        self, session: Session, robot: FreeRobot, others: Sequence[FreeRobot] = ()
    ) -> WantedDelivery | None:
        now, policy = self._clock.now(), self._policies(session)
        repository.lock_queue(session)
        if repository.task_in_hand(session, robot.robot_id):
            return None
        busy = {task.assigned_robot_id for task in repository.tasks_in_hand(session, [one.robot_id for one in others])}
        free = [one for one in others if one.robot_id not in busy]
        waiting = repository.lock_queued(session, now, served_now(policy, now), len(free) + SPARE_OFFERS)
        choice = assign([_offer(task) for task in waiting], robot, free, now, policy)
        self._offer_to_others(session, waiting, choice, now)
        if choice.mine is None:
            return None
        rows = repository.lock_task(session, choice.mine)
        if rows is None:
            return None
        rows.task.assigned_robot_id, rows.task.offered_at = robot.robot_id, None
        scheduled = ReturnChange(ReturnStatus.PICKUP_SCHEDULED)
        self._carry_out(session, rows, Decision(steps=(TaskStep(ASSIGNED),), book_return=scheduled))
        return _wanted(rows.task, now, policy)

    def _offer_to_others(
        self, session: Session, waiting: Sequence[DeliveryTask], choice: Assigned, now: datetime
    ) -> None:
        """Tell the robots that are nearer to what is left to them."""
        for task in waiting:
            if (other := choice.others.get(task.id)) is not None and task.offered_at is None:
                task.offered_at = now
                events.wake_controller(session, other)
        session.flush()

    def observe(self, session: Session, robot_id: UUID, seen: SeenDelivery) -> None:
        if seen.task_id is None:
            return
        rows = repository.lock_task(session, seen.task_id)
        if rows is None or not _is_of(rows.task, robot_id, seen) or _is_older(rows.task, seen):
            return
        before = facts_of(rows.task)
        decision = observed(before, seen, self._policies(session))
        _remember(rows.task, seen)
        self._carry_out(session, rows, decision, on_whose_word(before, decision))
        if not before.finished and decision.empty and before.handover_seq != rows.task.handover_seq:
            self._ledger(session, rows).told(rows, "handover")

    def lost(self, session: Session, robot_id: UUID, since: datetime, *, unsteady: bool = False) -> None:
        rows = repository.lock_task_in_hand(session, robot_id)
        if rows is None:
            return
        if rows.task.robot_lost_since is None:
            rows.task.robot_lost_since = since
            self._ledger(session, rows).told(rows, "robot_lost", unsteady=unsteady)
        self._carry_out(session, rows, silent(facts_of(rows.task), since, self._clock.now(), self._policies(session)))

    def found(self, session: Session, robot_id: UUID) -> None:
        rows = repository.lock_task_in_hand(session, robot_id)
        if rows is not None and rows.task.robot_lost_since is not None:
            rows.task.robot_lost_since = None
            self._ledger(session, rows).told(rows, "robot_found")

    def journal_lost(self, session: Session, robot_id: UUID, task_id: UUID) -> None:
        rows = repository.lock_task(session, task_id)
        if rows is not None and rows.task.assigned_robot_id == robot_id:
            rows.task.recovery_seen_at = None  # what it waited for before, it has forgotten
            self._carry_out(session, rows, needs_person(facts_of(rows.task), Reason.JOURNAL_LOST))

    def settlements(self, session: Session, robot_id: UUID) -> Sequence[Settlement]:
        return [
            Settlement(task.id, task.settlement["by_name"], task.trace_id)
            for task in repository.tasks_to_settle(session, robot_id)
            if task.settlement
        ]

    def settled(self, session: Session, robot_id: UUID, task_id: UUID) -> None:
        rows = repository.lock_task(session, task_id)
        if rows is not None and rows.task.assigned_robot_id == robot_id and rows.task.settlement is not None:
            rows.task.settlement = None
            self._ledger(session, rows).told(rows, "settled")
            session.flush()

    def tasks_in_hand(self, session: Session, robot_ids: Collection[UUID]) -> Mapping[UUID, TaskInHand]:
        tasks = repository.tasks_in_hand(session, robot_ids)
        return {task.assigned_robot_id: _in_hand(task) for task in tasks if task.assigned_robot_id}

    def serves(self, session: Session, robot_id: UUID, user_id: UUID) -> bool:
        task = repository.task_in_hand(session, robot_id)
        return task is not None and task.recipient_id == user_id

    def _ledger(self, session: Session, rows: TaskRows, actor: str | None = None) -> Ledger:
        cause = Cause(self._clock.now(), rows.task.trace_id, UUID(actor) if actor else None)
        return Ledger(session, self._policies(session), cause)

    def _carry_out(self, session: Session, rows: TaskRows, decision: Decision, actor: str | None = None) -> None:
        self._ledger(session, rows, actor).carry_out(rows, decision)
        session.flush()


def _offer(task: DeliveryTask) -> Offer:
    return Offer(task.id, tuple(stop_from_json(stop).pose for stop in task.stops), task.offered_at)


def _is_of(task: DeliveryTask, robot_id: UUID, seen: SeenDelivery) -> bool:
    return task.assigned_robot_id == robot_id and task.attempt == seen.attempt and not facts_of(task).finished


def _is_older(task: DeliveryTask, seen: SeenDelivery) -> bool:
    """The robot's journal was further when it was heard last."""
    return task.observed_journal_id == seen.journal_id and (task.observed_journal_seq or 0) > seen.journal_seq


def _remember(task: DeliveryTask, seen: SeenDelivery) -> None:
    task.observed_journal_id, task.observed_journal_seq = seen.journal_id, seen.journal_seq
    task.handover_seq = 0 if seen.finished else seen.handover_seq
    if seen.finished and seen.cargo is Cargo.PRESENT:
        task.metadata_ = {**task.metadata_, "left_on_board": True}
    task.recovery_seen_at = seen.changed_at if seen.phase is Phase.AWAITING_RECOVERY else None


def _wanted(task: DeliveryTask, now: datetime, policy: Policy) -> WantedDelivery:
    facts = facts_of(task)
    recovery = still_asked(facts, now, policy)
    return WantedDelivery(
        task_id=task.id,
        attempt=task.attempt,
        trace_id=task.trace_id,
        stops=tuple(stop_from_json(stop) for stop in task.stops),
        fallback=stop_from_json(task.fallback) if task.fallback else None,
        confirmations=tuple(_confirmation(word) for word in facts.said if _counts(facts, word)),
        cancel=CancelWanted(facts.cancel.note or facts.cancel.reason, facts.cancel.by_name) if facts.cancel else None,
        recovery=_recovery(recovery) if recovery else None,
    )


def _recovery(asked: RecoveryAsked) -> RecoveryWanted:
    return RecoveryWanted(RecoveryAction[asked.action.name], asked.changed_at, asked.by_name)


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
