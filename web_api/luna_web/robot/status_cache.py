"""The newest status of each robot: in the memory of the process that leads it, and in Redis for the others.

What is lost here is in the robots' rows, two seconds old at most; so nothing here ever fails, it only misses.
"""

import json
import logging
import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from redis import Redis
from redis.exceptions import RedisError

from luna_web.robot.seen import SeenRobot

log = logging.getLogger(__name__)

KEEP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class HeardStatus:
    """A status as JSON values, with the moment it was heard."""

    observed: dict[str, Any]
    heard_at: datetime


class StatusCache:
    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._own: dict[UUID, HeardStatus] = {}
        self._writing = threading.Lock()

    def remember(self, robot_id: UUID, robot: SeenRobot, heard_at: datetime) -> HeardStatus:
        """Keep it in this process. Quick; called on the bridge loop."""
        heard = HeardStatus(to_jsonable_python(asdict(robot)), heard_at)
        self._own[robot_id] = heard
        return heard

    def share(self, robot_id: UUID, heard: HeardStatus) -> None:
        """Tell the other processes; blocks, so in a thread. Skipped while an earlier one is still under way."""
        if not self._writing.acquire(blocking=False):
            return
        try:
            value = json.dumps({"observed": heard.observed, "heard_at": heard.heard_at.isoformat()})
            self._redis.set(_key(robot_id), value, ex=KEEP_SECONDS)
        except RedisError as error:
            log.debug("status not shared: %s", error)
        finally:
            self._writing.release()

    def newest(self, robot_id: UUID) -> HeardStatus | None:
        own = self._own.get(robot_id)
        shared = self._shared(robot_id)
        known = [heard for heard in (own, shared) if heard is not None]
        return max(known, key=lambda heard: heard.heard_at, default=None)

    def _shared(self, robot_id: UUID) -> HeardStatus | None:
        try:
            value = self._redis.get(_key(robot_id))
        except RedisError:
            return None
        if not isinstance(value, bytes | str):
            return None
        document = json.loads(value)
        return HeardStatus(document["observed"], datetime.fromisoformat(document["heard_at"]))


def _key(robot_id: UUID) -> str:
    return f"robot:{robot_id}:status"
