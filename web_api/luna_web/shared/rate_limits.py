"""Rate limits, counted in Redis for all processes together."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from luna_web.shared.errors import DependencyUnavailable, RateLimited

if TYPE_CHECKING:
    from limits import RateLimitItem, WindowStats
    from limits.storage import Storage
    from redis import Redis

REDIS_REST_S = 1.0
"""How long a Redis that failed is left alone, so that an outage costs one request a second its time-out, not all."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit. `reset` is in seconds from now."""

    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class RateLimits:
    """Counts what `who` does of kind `name` against a limit such as `100/minute`.

    Raises DependencyUnavailable where Redis is away; whether that refuses the request is the caller's rule.
    """

    def __init__(self, redis: "Redis") -> None:
        from limits.storage import RedisStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        storage = RedisStorage("redis://", connection_pool=redis.connection_pool, key_prefix="luna:rate")
        self._counter = SlidingWindowCounterRateLimiter(storage)

    def take(self, limit: str, name: str, who: str, refused: type[RateLimited] = RateLimited) -> Allowance:
        """Count one; `refused` when that is more than the limit."""
        item = _parsed(limit)
        try:
            room = self._counter.hit(item, name, who)
            left = self._counter.get_window_stats(item, name, who)
        except RedisError as error:
            raise DependencyUnavailable("Redis") from error
        return _allowed(room, item, left, refused)

    def check(self, limit: str, name: str, who: str, refused: type[RateLimited] = RateLimited) -> Allowance:
        """`refused` when the limit is used up already; counts nothing."""
        item = _parsed(limit)
        try:
            left = self._counter.get_window_stats(item, name, who)
        except RedisError as error:
            raise DependencyUnavailable("Redis") from error
        return _allowed(left.remaining > 0, item, left, refused)


class Traffic:
    """Counts reads and writes of each caller, for all processes together and in one round trip to Redis.

    While Redis is away each process counts for itself: still bounded, and deliveries go on
    (docs/decisions/0005-what-goes-on-without-redis.md). Windows are those of the clock, so that a count needs no look
    at how long its window lasts.
    """

    def __init__(
        self,
        redis: "Redis",
        reads: str,
        writes: str,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        from limits.storage import MemoryStorage, RedisStorage

        pool = redis.connection_pool
        self._shared: Storage = RedisStorage("redis://", connection_pool=pool, key_prefix="luna:traffic")
        self._own: Storage = MemoryStorage()
        self._reads, self._writes = reads, writes
        self._monotonic, self._clock = monotonic, clock
        self._away_until = 0.0
        self._probing = threading.Lock()

    def take(self, who: str, *, writes: bool) -> Allowance:
        """Count one call of `who`. Raises RateLimited when that is more than the limit."""
        item = _parsed(self._writes if writes else self._reads)
        period, now = item.get_expiry(), self._clock()
        window = int(now // period)
        count = self._count(f"{'write' if writes else 'read'}/{who}/{window}", period)
        allowance = Allowance(item.amount, max(item.amount - count, 0), max(1, round((window + 1) * period - now)))
        if count > item.amount:
            raise RateLimited(allowance.reset, headers=allowance.headers)
        return allowance

    def _count(self, key: str, period: int) -> int:
        if self._may_ask():
            try:
                count = self._shared.incr(key, period)
            except RedisError:
                self._away_until = self._monotonic() + REDIS_REST_S
            else:
                self._away_until = 0.0
                return count
        return self._own.incr(key, period)

    def _may_ask(self) -> bool:
        """Everybody while Redis answers; one at a time, each a second later, while it does not."""
        if not self._away_until:
            return True
        with self._probing:
            now = self._monotonic()
            if now < self._away_until:
                return False
            self._away_until = now + REDIS_REST_S
            return True


def _allowed(room: bool, item: "RateLimitItem", left: "WindowStats", refused: type[RateLimited]) -> Allowance:
    reset = max(1, round(left.reset_time - time.time()))
    allowance = Allowance(item.amount, max(left.remaining, 0), reset)
    if not room:
        raise refused(reset, headers=allowance.headers)
    return allowance


@lru_cache
def _parsed(limit: str) -> "RateLimitItem":
    from limits import parse

    return parse(limit)


def address_group(address: str | None) -> str:
    """By whom an address is counted: itself, or its /64, since that is what one IPv6 customer has."""
    if address is None:
        return "unknown"
    known = ip_address(address.partition("%")[0])
    if not isinstance(known, IPv6Address):
        return str(known)
    return str(known.ipv4_mapped or ip_network((int(known), 64), strict=False))
