"""A delivery desk in memory: what the robot service is tested against without the delivery service."""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from luna_web.robot.ports import (
    CancelWanted,
    Cargo,
    Confirmation,
    FreeRobot,
    Handover,
    OnTimeout,
    Outcome,
    Phase,
    Pose,
    RecoveryAction,
    RecoveryWanted,
    SeenDelivery,
    Settlement,
    Stop,
    TaskInHand,
    WantedDelivery,
)
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.outbox import WANTED_CHANNEL, notify


@dataclass
class DeskInMemory:
    """Tasks in the order they were queued. Each change wakes the controllers as the real one does."""

    sessions: SessionFactory
    queue: list[WantedDelivery] = field(default_factory=list)
    assigned: dict[UUID, WantedDelivery] = field(default_factory=dict)
    seen: list[SeenDelivery] = field(default_factory=list)
    silent: list[UUID] = field(default_factory=list)
    heard: list[UUID] = field(default_factory=list)
    orphaned: list[UUID] = field(default_factory=list)
    readers: dict[UUID, UUID] = field(default_factory=dict)
    to_settle: dict[UUID, list[Settlement]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self) -> WantedDelivery:
        """Queue a delivery from DESK-1 to STUDY-1."""
        stops = (
            Stop("DESK-1", Pose(6.8, 7.2, 0.0), Handover.LOAD, timeout=600.0, on_timeout=OnTimeout.RELEASE),
            Stop("STUDY-1", Pose(32.7, 5.1, 3.1), Handover.UNLOAD, timeout=300.0, on_timeout=OnTimeout.FALLBACK),
        )
        fallback = Stop("DESK-1", Pose(6.8, 7.2, 0.0), Handover.UNLOAD)
        task = WantedDelivery(uuid4(), 1, uuid4().hex, stops, fallback)
        with self._lock:
            self.queue.append(task)
        self.wake()
        return task

    def confirm(self, robot_id: UUID, handover: Handover, handover_seq: int) -> None:
        word = Confirmation(handover, handover_seq, Cargo.UNKNOWN, "librarian@example.org")
        with self._lock:
            task = self.assigned[robot_id]
            self.assigned[robot_id] = replace(task, confirmations=(*task.confirmations, word))
        self.wake()

    def cancel(self, robot_id: UUID) -> None:
        with self._lock:
            cancelled = replace(self.assigned[robot_id], cancel=CancelWanted("changed my mind", "a reader"))
            self.assigned[robot_id] = cancelled
        self.wake()

    def wake(self) -> None:
        with transaction(self.sessions) as session:
            notify(session, WANTED_CHANNEL, "*")

    def phases(self, task: WantedDelivery) -> list[Phase]:
        """The phases told of a task, in the order they were told."""
        with self._lock:
            return [seen.phase for seen in self.seen if seen.task_id == task.task_id]

    def handover_seq(self, task: WantedDelivery) -> int:
        return next((seen.handover_seq for seen in reversed(self.seen) if seen.task_id == task.task_id), 0)

    def outcome(self, task: WantedDelivery) -> Outcome:
        return next((s.outcome for s in reversed(self.seen) if s.task_id == task.task_id), Outcome.NONE)

    def wanted(self, session: Session, robot_id: UUID) -> WantedDelivery | None:
        session.execute(text("SELECT 1"))
        return self.assigned.get(robot_id)

    def claim_next(
        self, session: Session, robot: FreeRobot, others: Sequence[FreeRobot] = ()
    ) -> WantedDelivery | None:
        with self._lock:
            if not self.queue:
                return None
            self.assigned[robot.robot_id] = self.queue.pop(0)
            return self.assigned[robot.robot_id]

    def observe(self, session: Session, robot_id: UUID, seen: SeenDelivery) -> None:
        session.execute(text("SELECT 1"))
        with self._lock:
            self.seen.append(seen)
            task = self.assigned.get(robot_id)
            if seen.finished and task and task.task_id == seen.task_id:
                del self.assigned[robot_id]

    def lost(self, session: Session, robot_id: UUID, since: datetime, *, unsteady: bool) -> None:
        self.silent.append(robot_id)

    def found(self, session: Session, robot_id: UUID) -> None:
        self.heard.append(robot_id)

    def journal_lost(self, session: Session, robot_id: UUID, task_id: UUID) -> None:
        self.orphaned.append(task_id)

    def settlements(self, session: Session, robot_id: UUID) -> Sequence[Settlement]:
        return tuple(self.to_settle.get(robot_id, ()))

    def settled(self, session: Session, robot_id: UUID, task_id: UUID) -> None:
        with self._lock:
            self.to_settle[robot_id] = [one for one in self.to_settle[robot_id] if one.task_id != task_id]

    def settle(self, robot_id: UUID, task: WantedDelivery) -> None:
        """A person ends the robot's delivery."""
        with self._lock:
            self.assigned.pop(robot_id, None)
            self.to_settle.setdefault(robot_id, []).append(Settlement(task.task_id, "librarian", "trace"))
        self.wake()

    def recover(self, robot_id: UUID, action: RecoveryAction, changed_at: float) -> None:
        with self._lock:
            wish = RecoveryWanted(action, changed_at, "librarian")
            self.assigned[robot_id] = replace(self.assigned[robot_id], recovery=wish)
        self.wake()

    def tasks_in_hand(self, session: Session, robot_ids: Collection[UUID]) -> Mapping[UUID, TaskInHand]:
        tasks = {robot_id: task for robot_id in robot_ids if (task := self.assigned.get(robot_id))}
        return {r: TaskInHand(t.task_id, "STUDENT_DELIVERY", None, t.stops[-1].waypoint) for r, t in tasks.items()}

    def serves(self, session: Session, robot_id: UUID, user_id: UUID) -> bool:
        return self.readers.get(robot_id) == user_id
