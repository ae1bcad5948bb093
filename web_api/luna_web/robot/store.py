"""The controller's transactions: each short, each guarded by the lease. Sync; called in threads.

Every transaction that writes renews the lease first; where that fails, nothing of it is kept.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from pydantic_core import to_jsonable_python
from sqlalchemy.orm import Session

from luna_web.robot import events, messages, repository
from luna_web.robot.addresses import wrong_with_bridge
from luna_web.robot.domain import (
    BATTERY_FOR_NEW_DELIVERY,
    StopWish,
    at_home,
    needs_charge,
    settle_stop,
    status_of,
    tells_of,
)
from luna_web.robot.incidents import Incident, Known, LogKind, News, kinds_of, news_of
from luna_web.robot.link import RobotAddress
from luna_web.robot.models import Robot, Waypoint
from luna_web.robot.ports import (
    Arrival,
    Cargo,
    DeliveryDesk,
    DeliveryKind,
    FreeRobot,
    Pose,
    SeenDelivery,
    Stop,
    WantedDelivery,
)
from luna_web.robot.seen import SILENT_SECONDS, RobotMode, SeenRobot, Severity
from luna_web.robot.status_log import log_status
from luna_web.robot.steadiness import tells_of_silence
from luna_web.robot.tokens import TokenUnreadable, decrypt_token
from luna_web.robot.usage import by_quarter
from luna_web.robot.wanted import GoalSent, StopState, WantedResume, WantedRobot, WantedStop
from luna_web.shared.clock import Clock
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.tracing import new_trace_id

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another controller leads this robot now."""


@dataclass(frozen=True, slots=True)
class Lease:
    robot_id: UUID
    holder: UUID
    epoch: int


@dataclass(frozen=True, slots=True)
class KnownRobot:
    """A robot as a process must know it to reach it."""

    robot_id: UUID
    robot_name: str
    address: RobotAddress


@dataclass(frozen=True, slots=True)
class Store:
    """The database as the controllers use it. `bridge_hosts`: what may be connected to, by today's configuration."""

    sessions: SessionFactory
    desk: DeliveryDesk
    key: SecretStr
    clock: Clock
    bridge_hosts: Sequence[str] = ("127.0.0.1", "localhost")

    def known_robots(self) -> tuple[KnownRobot, ...]:
        """Those that this process can reach: one whose token cannot be read must not take the others away."""
        with transaction(self.sessions) as session:
            known = [self._known(row) for row in repository.robots(session)]
        return tuple(robot for robot in known if robot is not None)

    def acquire(self, robot_id: UUID, holder: UUID) -> Lease | None:
        """Lead this robot if nobody does."""
        with transaction(self.sessions) as session:
            epoch = repository.acquire_lease(session, robot_id, holder)
        return None if epoch is None else Lease(robot_id, holder, epoch)

    def renew(self, lease: Lease) -> None:
        with self._guarded(lease):
            return

    def release(self, lease: Lease) -> None:
        with transaction(self.sessions) as session:
            repository.release_lease(session, lease.robot_id, lease.holder, lease.epoch)

    def plan(self, lease: Lease, free: Callable[[WantedRobot], FreeRobot | None], journal_id: str) -> WantedRobot:
        """What is wanted of the robot now; if it has no task and `free` says so, with the next task from the queue.

        A new task is written down together with the journal it is meant for, before it can be sent.
        """
        with transaction(self.sessions) as session:
            row = repository.robot(session, lease.robot_id)
            if row is None:
                raise LeaseLost("the robot is gone")
            wanted = self._wanted(session, row, self.desk.wanted(session, row.id))
            robot = free(wanted)
            if robot is None and not _unsent(wanted, journal_id):
                return wanted
            self._guard(session, lease)
            if wanted.delivery is None and robot is not None:
                claimed = self.desk.claim_next(session, robot, self._other_free_robots(session, row.id))
                wanted = self._wanted(session, row, claimed)
            return self._write_goal(session, lease, wanted, journal_id)

    def observe_status(self, lease: Lease, seen: SeenRobot, heard_at: datetime, driven: float = 0.0) -> bool:
        """Write down what the robot says of itself; whether that changed what is wanted of it.

        `driven`: metres since the last status that was written down.
        """
        with self._guarded(lease) as session:
            row = repository.robot_for_update(session, lease.robot_id)
            if row is None:
                raise LeaseLost("the robot is gone")
            known = Known.of(row.mode, row.observed)
            before = _stop_wish(row)
            after = settle_stop(before, seen) if tells_of(row.wish_at, heard_at) else before
            _count_usage(session, row, known, heard_at, driven)
            changes = _observed(seen, heard_at)
            if known.mode is RobotMode.OFFLINE:
                changes["heard_since"] = heard_at
            if after != before:
                changes |= _stop_columns(after, row, heard_at)
            changes |= _done_wishes(row, seen, self._home(session, row))
            for name, value in changes.items():
                setattr(row, name, value)
            _record(session, row, news_of(known, seen), adopted=_adopted(before, after))
            log_status(session, row, heard_at, kinds_of(known, seen))
            return after != before or not changes.keys().isdisjoint(("send_home", "undock"))

    def observe_delivery(self, lease: Lease, seen: SeenDelivery) -> None:
        with self._guarded(lease) as session:
            self.desk.observe(session, lease.robot_id, seen)

    def lost(self, lease: Lease, since: datetime) -> None:
        """The robot is silent since it was last heard here, or since we listen: our own absence is not its fault."""
        with self._guarded(lease) as session:
            row = repository.robot_for_update(session, lease.robot_id)
            if row is None:
                raise LeaseLost("the robot is gone")
            now, was_there = self.clock.now(), row.mode != RobotMode.OFFLINE
            told = tells_of_silence(row.heard_since, row.silence_told_at, since, now)
            if was_there or told:
                row.mode, row.status = RobotMode.OFFLINE, status_of(RobotMode.OFFLINE)
                row.silence_told_at = now if told else row.silence_told_at
                events.record(session, row, Incident.OFFLINE, {"since": since, "unsteady": not told}, new_trace_id())
            if was_there:
                log_status(session, row, now, (LogKind.LINK, LogKind.MODE))
            self.desk.lost(session, lease.robot_id, since, unsteady=not told)

    def found(self, lease: Lease) -> None:
        with self._guarded(lease) as session:
            self.desk.found(session, lease.robot_id)

    def journal_lost(self, lease: Lease, task_id: UUID) -> None:
        with self._guarded(lease) as session:
            self.desk.journal_lost(session, lease.robot_id, task_id)

    def _other_free_robots(self, session: Session, robot_id: UUID) -> list[FreeRobot]:
        """Those that others lead and that could take a task, as they were written down last."""
        since = self.clock.now() - timedelta(seconds=SILENT_SECONDS)
        rows = repository.other_led_robots(session, robot_id, since)
        free = [row for row in rows if seems_free(row)]
        homes = repository.places_of(session, {row.home_waypoint_id for row in free if row.home_waypoint_id})
        return [free_robot(row, _home_stop(_home_of(row, homes))) for row in free]

    def settled(self, lease: Lease, task_id: UUID) -> None:
        with self._guarded(lease) as session:
            self.desk.settled(session, lease.robot_id, task_id)

    def waypoints(self) -> tuple[str, int, tuple[messages.Json, ...]] | None:
        """Map, version and places, as `SetWaypoints` takes them."""
        with transaction(self.sessions) as session:
            floor = repository.newest_map(session)
            if floor is None:
                return None
            places = [w for w in repository.waypoints_of(session, floor.id) if w.is_active]
            return floor.map_id, floor.waypoints_version, tuple(_waypoint_message(place) for place in places)

    @contextmanager
    def _guarded(self, lease: Lease) -> Iterator[Session]:
        with transaction(self.sessions) as session:
            self._guard(session, lease)
            yield session

    def _guard(self, session: Session, lease: Lease) -> None:
        if not repository.renew_lease(session, lease.robot_id, lease.holder, lease.epoch):
            raise LeaseLost(f"epoch {lease.epoch} is over")

    def _write_goal(self, session: Session, lease: Lease, wanted: WantedRobot, journal_id: str) -> WantedRobot:
        if wanted.delivery is None or not _unsent(wanted, journal_id):
            return wanted
        goal = GoalSent(str(wanted.delivery.task_id), wanted.delivery.attempt, journal_id)
        repository.write_goal_sent(session, lease.robot_id, goal)
        return replace(wanted, goal_sent=goal)

    def _known(self, row: Robot) -> KnownRobot | None:
        if problem := wrong_with_bridge(row.bridge_url, self.bridge_hosts):
            log.error("%s is out of reach: %s", row.robot_name, problem)
            return None
        try:
            token = decrypt_token(row.token_encrypted, self.key)
        except TokenUnreadable as error:
            log.error("%s is out of reach: %s", row.robot_name, error)
            return None
        return KnownRobot(row.id, row.robot_name, RobotAddress(row.bridge_url, row.namespace, token))

    def _home(self, session: Session, row: Robot) -> Stop | None:
        return _home_stop(repository.waypoint(session, row.home_waypoint_id) if row.home_waypoint_id else None)

    def _wanted(self, session: Session, row: Robot, delivery: WantedDelivery | None) -> WantedRobot:
        floor = repository.newest_map(session)
        wish = _stop_wish(row)
        return WantedRobot(
            robot_name=row.robot_name,
            stop=wish.stop,
            resume=wish.resume,
            paused=row.paused,
            maintenance=row.maintenance,
            by=row.settings_by or "",
            send_home=row.send_home,
            undock=row.undock,
            min_battery=float(row.limits.get("min_battery", 0.0)),
            home=self._home(session, row),
            map_id=floor.map_id if floor else "",
            waypoints_version=floor.waypoints_version if floor else 0,
            delivery=delivery,
            goal_sent=_goal_sent(row),
            settlements=tuple(self.desk.settlements(session, row.id)),
        )


def seems_free(row: Robot) -> bool:
    """What a robot's row tells of whether it could take a task; its own controller knows better (`why_not_free`)."""
    observed = row.observed or {}
    wants = row.stop_state != StopState.NONE or row.paused or row.maintenance or row.send_home
    hindered = any(observed.get(name, True) for name in ("estopped", "suspended", "paused", "maintenance"))
    able = observed.get("localized", False) and observed.get("link_up", False)
    faults = any(fault.get("severity") != Severity.WARNING for fault in observed.get("faults", ()))
    busy = observed.get("cargo") == Cargo.PRESENT or (
        bool(observed.get("delivery_id")) and observed.get("kind") == DeliveryKind.DELIVERY
    )
    least = max(BATTERY_FOR_NEW_DELIVERY, float(row.limits.get("min_battery", 0.0)))
    charged = row.battery_level is not None and row.battery_level >= least
    parked = row.mode not in (RobotMode.OFFLINE, RobotMode.STARTING, RobotMode.RECOVERY, RobotMode.ERROR)
    return able and charged and parked and not (wants or hindered or faults or busy)


def free_robot(row: Robot, home: Stop | None) -> FreeRobot:
    return FreeRobot(
        robot_id=row.id,
        robot_name=row.robot_name,
        pose=Pose(row.x or 0.0, row.y or 0.0, row.yaw or 0.0),
        battery=row.battery_level,
        charging=bool((row.observed or {}).get("charging")),
        home=home.pose if home else None,
    )


def _unsent(wanted: WantedRobot, journal_id: str) -> bool:
    """Whether the wanted delivery has yet to be written down as this robot's goal."""
    task, sent = wanted.delivery, wanted.goal_sent
    if task is None or not journal_id:
        return False
    return sent is None or (sent.task_id, sent.attempt) != (str(task.task_id), task.attempt)


def _goal_sent(row: Robot) -> GoalSent | None:
    if row.goal_task_id is None or row.goal_attempt is None or row.goal_journal_id is None:
        return None
    return GoalSent(str(row.goal_task_id), row.goal_attempt, row.goal_journal_id)


def _stop_wish(row: Robot) -> StopWish:
    stop = WantedStop(StopState(row.stop_state), row.stop_id or "", row.stop_reason or "", row.stop_by or "")
    resume = WantedResume(row.resume_id, row.resume_by or "") if row.resume_id else None
    return StopWish(stop, resume)


def _stop_columns(wish: StopWish, row: Robot, now: datetime) -> dict[str, Any]:
    stop, resume = wish.stop, wish.resume
    engaged = stop.state is not StopState.NONE
    return {
        "stop_state": stop.state,
        "stop_id": stop.stop_id if engaged else None,
        "stop_reason": stop.reason if engaged else None,
        "stop_by": stop.by if engaged else None,
        "stop_since": (row.stop_since if row.stop_id == stop.stop_id else now) if engaged else None,
        "resume_id": resume.stop_id if resume else None,
        "resume_by": resume.by if resume else None,
    }


def _adopted(before: StopWish, after: StopWish) -> bool:
    """Whether the robot is held by a stop that nobody here had asked for."""
    return after.stop.state is StopState.ENGAGE and after.stop.stop_id != before.stop.stop_id


def _record(session: Session, row: Robot, news: Sequence[News], *, adopted: bool) -> None:
    trace_id = new_trace_id()
    for one in news:
        events.record(session, row, one.incident, one.details, trace_id)
    if adopted:
        events.stop_engaged(session, row, trace_id)


def _done_wishes(row: Robot, seen: SeenRobot, home: Stop | None) -> dict[str, Any]:
    """Wishes that are fulfilled, or that a delivery or an empty battery ends."""
    done: dict[str, Any] = {}
    if row.send_home and (seen.carries_out_delivery or at_home(home, seen)):
        done["send_home"] = False
    if row.undock and (seen.carries_out_delivery or needs_charge(seen)):
        done["undock"] = False
    return done


def _count_usage(session: Session, row: Robot, known: Known, heard_at: datetime, driven: float) -> None:
    """Add the time since the robot was heard last to what it was doing then."""
    observed = row.observed or {}
    busy = bool(observed.get("delivery_id")) and observed.get("kind") == DeliveryKind.DELIVERY
    since = None if known.mode is RobotMode.OFFLINE else row.last_heartbeat
    quarters = by_quarter(since, heard_at)
    for number, (quarter, seconds) in enumerate(quarters.items(), start=1):
        metres = driven if number == len(quarters) else 0.0
        if seconds or metres:
            repository.add_usage(session, row.id, quarter, metres, seconds, seconds if busy else 0.0)
    row.odometer += driven


def _observed(seen: SeenRobot, heard_at: datetime) -> dict[str, Any]:
    return {
        "status": status_of(seen.mode),
        "mode": seen.mode,
        "current_location": seen.nearest_waypoint or None,
        "x": seen.pose.x,
        "y": seen.pose.y,
        "yaw": seen.pose.yaw,
        "battery_level": None if seen.battery is None else min(max(seen.battery, 0.0), 1.0),
        "boot_id": seen.boot_id,
        "journal_id": seen.journal_id,
        "journal_seq": seen.journal_seq,
        "observed": to_jsonable_python(asdict(seen)),
        "last_heartbeat": heard_at,
    }


def _home_of(row: Robot, places: Mapping[UUID, Waypoint]) -> Waypoint | None:
    return places.get(row.home_waypoint_id) if row.home_waypoint_id else None


def _home_stop(home: Waypoint | None) -> Stop | None:
    if home is None:
        return None
    arrival = Arrival.DOCK if home.kind == "DOCK" else Arrival.NONE
    return Stop(home.location_code, Pose(home.x, home.y, home.yaw), arrival=arrival)


def _waypoint_message(place: Waypoint) -> messages.Json:
    pose = messages.pose(Pose(place.x, place.y, place.yaw), place.z)
    return {"location_code": place.location_code, "name": place.name, "pose": pose, "kind": place.kind}
