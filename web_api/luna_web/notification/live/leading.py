"""Tells every process where the robots are that this one leads: what it hears ten times a second, a few times a second.

A thread of its own, since the bridge loop must not wait for Redis; while Redis is away this process's own sockets are
told all the same.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic_core import to_json
from redis.exceptions import RedisError

from luna_web.notification.live.positions import Position, packed
from luna_web.notification.live.streams import POSITIONS
from luna_web.shared.loggers import structlog

if TYPE_CHECKING:
    from redis import Redis

log = structlog.get_logger(__name__)
EVERY_S = 0.05
Status = tuple[Mapping[str, Any], datetime]


class LeadingPositions:
    """`luna_web.robot.ports.StatusListener`. `here` is told, in this object's thread, what Redis is told."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._newest: dict[UUID, Status] = {}
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._here: Callable[[Sequence[Position]], None] = lambda _: None
        self._away = False

    def tell_here(self, here: Callable[[Sequence[Position]], None]) -> None:
        self._here = here

    def heard(self, robot_id: UUID, observed: Mapping[str, Any], at: datetime) -> None:
        """A status, as JSON values; from any thread, quick."""
        with self._lock:
            self._newest[robot_id] = observed, at
        self._news.set()

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="live-positions", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._news.set()
        if self._thread:
            self._thread.join(timeout=3)

    def tell_once(self) -> None:
        """Tell what was heard since the last time."""
        with self._lock:
            newest, self._newest = self._newest, {}
        positions = [position_of(robot_id, observed, at) for robot_id, (observed, at) in newest.items()]
        if not positions:
            return
        self._here(positions)
        try:
            self._redis.publish(POSITIONS, json.dumps(packed(positions), separators=(",", ":")))
            self._away = False
        except RedisError as error:
            if not self._away:
                log.warning("positions_not_shared", error=type(error).__name__)
            self._away = True

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait()
            self._news.clear()
            try:
                self.tell_once()
            except Exception:
                # One status that cannot be written must not silence the robots after it.
                log.exception("positions_not_told")
            self._stopping.wait(EVERY_S)


def position_of(robot_id: UUID, observed: Mapping[str, Any], at: datetime) -> Position:
    """Raises KeyError for a status without a pose."""
    pose = observed["pose"]
    place = {"x": round(pose["x"], 3), "y": round(pose["y"], 3), "yaw": round(pose["yaw"], 3)}
    brief = {
        "robot_id": robot_id,
        "mode": observed["mode"],
        "pose": place,
        "battery_level": observed.get("battery"),
        "observed_at": at,
    }
    delivery_id = observed.get("delivery_id") or ""
    full = {
        **brief,
        "robot_name": observed.get("robot_name"),
        "pose": {**place, "frame": observed.get("frame")},
        "velocity": {"linear": observed.get("linear_velocity"), "angular": observed.get("angular_velocity")},
        "current_location": observed.get("nearest_waypoint") or None,
        "charging": observed.get("charging"),
        "task_id": delivery_id or None,
        "phase": observed.get("phase") if delivery_id else None,
        "destination": observed.get("destination") or None,
        "distance_remaining": observed.get("distance_remaining"),
        "eta_seconds": observed.get("estimated_time_remaining"),
    }
    return Position(str(robot_id), at.timestamp(), delivery_id, to_json(brief).decode(), to_json(full).decode())
