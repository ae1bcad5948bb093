"""Growing delays after failed attempts, that pass by themselves.

Each account, device and address has a level: one up with each failure, one down with each `forgiven_every`. Above
`free` each further attempt must wait twice as long as the one before, up to `longest`. An attempt counts before it is
made, so that a thousand at once are not a thousand guesses, and is taken back if it was not a failure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from luna_web.shared.errors import DependencyUnavailable

if TYPE_CHECKING:
    from redis import Redis

_FIRST = timedelta(seconds=1)

# KEYS: the counters of one attempt. ARGV: now in ms, then of each: free, forgiven_every, first and longest in ms.
# Answers {0, ms to wait} and counts nothing, or {1, the longest delay before the next attempt in ms}.
_BEGIN = """
local now, levels, wait = tonumber(ARGV[1]), {}, 0
for i, key in ipairs(KEYS) do
  local level, at, until_ = unpack(redis.call('HMGET', key, 'level', 'at', 'until'))
  wait = math.max(wait, tonumber(until_ or 0) - now)
  local passed = math.max(0, now - tonumber(at or now))
  levels[i] = math.max(0, tonumber(level or 0) - passed / tonumber(ARGV[4 * i - 1]))
end
if wait > 0 then return {0, math.ceil(wait)} end
for i, key in ipairs(KEYS) do
  local free, forgiven, first, longest = unpack(ARGV, 4 * i - 2, 4 * i + 1)
  local level, delay = levels[i] + 1, 0
  if level > tonumber(free) then
    delay = math.min(tonumber(longest), tonumber(first) * 2 ^ math.floor(level - free - 0.001))
  end
  -- Clocks are read before this is asked: what comes second here may be the earlier one, and has nothing to wait for.
  redis.call('HSET', key, 'level', level, 'at', now, 'until', delay > 0 and now + delay or 0)
  redis.call('PEXPIRE', key, math.ceil(level * forgiven + longest))
  wait = math.max(wait, delay)
end
return {1, math.ceil(wait)}
"""

# KEYS: counters of an attempt that was none. What it added goes, and the delay that it set.
_TAKE_BACK = """
for _, key in ipairs(KEYS) do
  local level = tonumber(redis.call('HGET', key, 'level') or 0)
  if level > 0 then redis.call('HSET', key, 'level', math.max(0, level - 1), 'until', 0) end
end
"""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many failures cost nothing, how fast they are forgiven, and the longest that one has to wait."""

    free: int
    forgiven_every: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter. `name` holds no email and nothing that leads to one without our keys."""

    name: str
    patience: Patience

    @property
    def key(self) -> str:
        return f"luna:failures:{self.name}"

    def arguments(self) -> tuple[int, int, int, int]:
        patience = self.patience
        return patience.free, _ms(patience.forgiven_every), _ms(_FIRST), _ms(patience.longest)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an attempt may be made. `wait`: until the next may, if this one fails or was refused."""

    admitted: bool
    wait: timedelta


class Delays:
    """The counters, in Redis. Raises DependencyUnavailable where it is away: no guess goes uncounted."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._begin = redis.register_script(_BEGIN)
        self._take_back = redis.register_script(_TAKE_BACK)

    def begin(self, counters: Sequence[Counter], now: datetime) -> Verdict:
        """Count an attempt on all of these, or refuse it on account of any."""
        arguments = [int(now.timestamp() * 1000)]
        for counter in counters:
            arguments += counter.arguments()
        admitted, wait = self._ask(lambda: self._begin(keys=[counter.key for counter in counters], args=arguments))
        return Verdict(bool(admitted), timedelta(milliseconds=wait))

    def take_back(self, counters: Sequence[Counter]) -> None:
        """The attempt was no failure."""
        self._ask(lambda: self._take_back(keys=[counter.key for counter in counters]))

    def forget(self, counters: Sequence[Counter]) -> None:
        """All failures before are forgiven."""
        self._ask(lambda: self._redis.delete(*(counter.key for counter in counters)))

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except RedisError as error:
            raise DependencyUnavailable("Redis") from error


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
