"""Statuses of robots as processes share them through Redis."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from redis import Redis

from luna_web.robot.status_cache import StatusCache
from luna_web.shared.cache import Breaker
from luna_web.shared.runtime import Runtime
from tests.unit.web.robot.examples import robot

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_the_newest_of_each_robot_is_shared_and_read_in_one_go(runtime: Runtime) -> None:
    leading, other = StatusCache(runtime.redis), StatusCache(runtime.redis)
    robots = [uuid4() for _ in range(3)]
    for seconds in range(2):
        for robot_id in robots:
            leading.remember(robot_id, replace(robot(), battery=0.5 + seconds / 10), NOW + timedelta(seconds=seconds))
    other.remember(robots[0], replace(robot(), battery=0.9), NOW + timedelta(seconds=9))

    asked = runtime.redis.info("commandstats")
    leading.share()
    seen = other.newest([*robots, uuid4()])

    assert [seen[robot_id].observed["battery"] for robot_id in robots] == [0.9, 0.6, 0.6]
    assert len(seen) == 3
    now = runtime.redis.info("commandstats")
    calls = {name: now[f"cmdstat_{name}"]["calls"] - asked.get(f"cmdstat_{name}", {"calls": 0})["calls"]
             for name in ("set", "mget")}  # fmt: skip
    assert calls == {"set": 3, "mget": 1}


def test_a_redis_that_is_away_is_asked_once_a_second_and_what_is_heard_here_is_told() -> None:
    time = [0.0]
    breaker = Breaker(lambda: time[0])
    cache = StatusCache(Redis(port=1, socket_connect_timeout=0.1), breaker)
    robot_id = uuid4()
    cache.remember(robot_id, robot(), NOW)

    cache.share()
    assert not breaker.allows()
    assert cache.newest([robot_id])[robot_id].heard_at == NOW
    time[0] = 2.0
    assert breaker.allows()
