"""What a controller has heard of its robot, and what of it the database has not been told yet.

Pure: times come in, in seconds of the steady clock of this process.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from luna_web.robot.domain import refused_for_good
from luna_web.robot.ports import Outcome, SeenDelivery
from luna_web.robot.seen import SILENT_SECONDS, Seen, SeenDeliveries, SeenRobot
from luna_web.robot.usage import moved

STATUS_WRITE_SECONDS = 2.0


@dataclass
class Impression:
    """One controller's hearing; forget it all (`Impression(now)`) whenever the lease is won anew."""

    since: float
    _robot: SeenRobot | None = None
    _robot_at: float = 0.0
    _deliveries: SeenDeliveries | None = None
    _idle_since: float | None = None
    _written: SeenRobot | None = None
    _written_at: float = 0.0
    _driven: float = 0.0
    _told: dict[tuple[str, int], SeenDelivery] = field(default_factory=dict)
    _answers: list[SeenDelivery] = field(default_factory=list)

    def hear_status(self, robot: SeenRobot, now: float) -> None:
        idle = not robot.delivery_id and not robot.estopped and not robot.suspended
        self._idle_since = (self._idle_since or now) if idle else None
        if self._robot is not None:
            self._driven += moved(self._robot, robot)
        self._robot, self._robot_at = robot, now

    def hear_deliveries(self, deliveries: SeenDeliveries) -> None:
        self._deliveries = deliveries

    def hear_answer(self, delivery: SeenDelivery) -> None:
        """A delivery's end that came as the answer to a command or as a goal's result.

        What is not finished comes in order with the next `deliveries`.
        """
        if delivery.finished:
            self._answers.append(delivery)

    def seen(self) -> Seen | None:
        if self._robot is None:
            return None
        return Seen(self._robot, self._robot_at, self._deliveries, self._idle_since)

    @property
    def journal(self) -> tuple[str, int]:
        """The robot's journal and how far it is; empty while nothing was heard."""
        return (self._robot.journal_id, self._robot.journal_seq) if self._robot else ("", 0)

    def silent_for(self, now: float) -> float:
        """Seconds since the robot was last heard, or since anybody listened."""
        return now - (self._robot_at if self._robot else self.since)

    def silent(self, now: float) -> bool:
        return self.silent_for(now) > SILENT_SECONDS

    def status_to_write(self, now: float) -> tuple[SeenRobot, float] | None:
        """The newest status and how old it is, if it says something new, or the last one written is old."""
        if self._robot is None or self._written is self._robot:
            return None
        recent = self._written is not None and now - self._written_at < STATUS_WRITE_SECONDS
        if recent and self._written is not None and _gist(self._robot) == _gist(self._written):
            return None
        return self._robot, now - self._robot_at

    @property
    def driven(self) -> float:
        """Metres that have not been written down yet."""
        return self._driven

    def status_written(self, robot: SeenRobot, now: float, driven: float = 0.0) -> None:
        self._written, self._written_at = robot, now
        self._driven = max(self._driven - driven, 0.0)

    def deliveries_to_tell(self) -> tuple[SeenDelivery, ...]:
        """Deliveries of tasks that changed since they were told, oldest first."""
        heard = list(self._answers)
        if self._deliveries is not None:
            heard += reversed(self._deliveries.recent)
            heard += [self._deliveries.active] if self._deliveries.active else []
        return tuple(delivery for delivery in heard if self._is_news(delivery))

    def told(self, delivery: SeenDelivery) -> None:
        self._told[delivery.delivery_id, delivery.attempt] = _essence(delivery)
        self._answers = [answer for answer in self._answers if answer is not delivery]
        while len(self._told) > 64:
            del self._told[next(iter(self._told))]

    def _is_news(self, delivery: SeenDelivery) -> bool:
        if delivery.task_id is None:
            return False
        if delivery.outcome is Outcome.REJECTED and not refused_for_good(delivery):
            return False
        return self._told.get((delivery.delivery_id, delivery.attempt)) != _essence(delivery)


def _essence(delivery: SeenDelivery) -> SeenDelivery:
    """The delivery without what changes all the time."""
    return replace(
        delivery, distance_remaining=None, estimated_time_remaining=None, timeout_remaining=None, journal_seq=0
    )


def _gist(robot: SeenRobot) -> tuple[Any, ...]:
    """What of a status is worth a write at once."""
    return (
        robot.mode,
        robot.boot_id,
        robot.journal_id,
        robot.estopped,
        robot.estop_id,
        robot.suspended,
        robot.paused,
        robot.maintenance,
        robot.docked,
        robot.charging,
        robot.localized,
        robot.link_up,
        robot.cargo,
        robot.delivery_id,
        robot.attempt,
        robot.phase,
        robot.handover_seq,
        tuple(fault.code for fault in robot.faults),
    )
