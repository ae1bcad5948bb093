"""The newest status of each robot, as heard: in this process for robots that it leads, in Redis for the others.

What is lost here is in the robots' rows, two seconds old at most; so nothing here ever fails, it only misses. A Redis
that hangs is asked once a second at most.
"""

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from redis import Redis
from redis.exceptions import RedisError

from luna_web.robot.seen import SeenRobot
from luna_web.shared.cache import Breaker

log = logging.getLogger(__name__)

KEEP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class HeardStatus:
    """A status as JSON values, with the moment it was heard."""

    observed: dict[str, Any]
    heard_at: datetime


class StatusCache:
    def __init__(self, redis: "Redis", breaker: Breaker | None = None) -> None:
        self._redis = redis
        self._breaker = breaker or Breaker()
        self._own: dict[UUID, HeardStatus] = {}
        self._unshared: dict[UUID, HeardStatus] = {}
        self._lock = threading.Lock()

    def remember(self, robot_id: UUID, robot: SeenRobot, heard_at: datetime) -> HeardStatus:
        """Keep it in this process, to be shared. Quick; called on the bridge loop."""
        heard = HeardStatus(to_jsonable_python(asdict(robot)), heard_at)
        with self._lock:
            self._own[robot_id] = self._unshared[robot_id] = heard
        return heard

    def share(self) -> None:
        """Tell the other processes the newest of each robot; blocks, so in a thread, and in one at a time."""
        while waiting := self._take_unshared():
            if not self._breaker.allows():
                return
            try:
                with self._redis.pipeline(transaction=False) as pipeline:
                    for robot_id, heard in waiting.items():
                        value = json.dumps({"observed": heard.observed, "heard_at": heard.heard_at.isoformat()})
                        pipeline.set(_key(robot_id), value, ex=KEEP_SECONDS)
                    pipeline.execute()
                self._breaker.succeeded()
            except RedisError as error:
                self._breaker.failed()
                log.debug("statuses not shared: %s", error)

    def newest(self, robot_ids: Sequence[UUID]) -> Mapping[UUID, HeardStatus]:
        """Of each of these robots that somebody heard lately."""
        with self._lock:
            found = {robot_id: self._own[robot_id] for robot_id in robot_ids if robot_id in self._own}
        for robot_id, heard in self._shared(robot_ids).items():
            own = found.get(robot_id)
            if own is None or heard.heard_at > own.heard_at:
                found[robot_id] = heard
        return found

    def _take_unshared(self) -> Mapping[UUID, HeardStatus]:
        with self._lock:
            taken, self._unshared = self._unshared, {}
        return taken

    def _shared(self, robot_ids: Sequence[UUID]) -> Mapping[UUID, HeardStatus]:
        if not robot_ids or not self._breaker.allows():
            return {}
        try:
            values = self._redis.mget([_key(robot_id) for robot_id in robot_ids])
            self._breaker.succeeded()
        except RedisError:
            self._breaker.failed()
            return {}
        pairs = zip(robot_ids, values, strict=True)
        return {robot_id: _read(value) for robot_id, value in pairs if value is not None}


def _read(value: bytes | str) -> HeardStatus:
    document = json.loads(value)
    return HeardStatus(document["observed"], datetime.fromisoformat(document["heard_at"]))


def _key(robot_id: UUID) -> str:
    return f"robot:{robot_id}:status"
