"""A cache in Redis that never decides anything: one loader a key, and everything goes on while Redis is away.

Whoever finds nothing takes the key's lock and loads; the others wait for that a moment, and load themselves if it
takes too long or the loader died. Keys name what they hold so exactly (an id with its version, a search with the
generation of the catalog) that a value is never wrong, only unused: nothing has to be removed after a change.
"""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from redis.exceptions import RedisError

from luna_web.shared.loggers import structlog
from luna_web.shared.runtime import Port, Runtime

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")
TIMEOUT_S = 0.1
"""How long one answer of Redis is waited for. A reader never notices this much."""
RETRY_AFTER_S = 1.0
LOCK_MS = 2_000
"""A loader that died holds its lock no longer than this."""
PATIENCE_S = 0.5
LOOK_EVERY_S = 0.01
IS_LOADED = 0
"""What a look answers while another loads; 1 says that the caller is to. While Redis is away, which answers nothing,
everybody is."""
PREFIX = "luna:cache:"
# KEYS: the value's and its lock's. At once, so that nobody loads what another has loaded since one looked.
_LOOK = """
local found = redis.call('GET', KEYS[1])
if found then return found end
return redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""
_KEEP = """
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
"""

log = structlog.get_logger(__name__)


class Breaker:
    """After a failure nothing is tried for a second, then by one caller; `monotonic` is in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._closed = True
        self._next_try = 0.0

    def allows(self) -> bool:
        """Whether the caller may try. While open, one in a second may."""
        with self._lock:
            if self._closed:
                return True
            if self._monotonic() < self._next_try:
                return False
            self._next_try = self._monotonic() + RETRY_AFTER_S
            return True

    def failed(self) -> bool:
        """Note a failure; says whether it is the first."""
        with self._lock:
            first, self._closed = self._closed, False
            self._next_try = self._monotonic() + RETRY_AFTER_S
            return first

    def succeeded(self) -> bool:
        """Note a success; says whether it ends a time of failures."""
        with self._lock:
            ended, self._closed = not self._closed, True
            return ended


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of cached value: the beginning of its keys, how long it lasts in seconds, how it is written."""

    name: str
    seconds: int
    written: TypeAdapter[T]


class Cache:
    """Values by key, shared by all processes. `sleep` and `monotonic` are in seconds."""

    def __init__(
        self,
        redis: "Redis",
        *,
        breaker: Breaker | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._look_up, self._keep_or_let_go = redis.register_script(_LOOK), redis.register_script(_KEEP)
        self._breaker = breaker or Breaker()
        self._sleep = sleep
        self._monotonic = monotonic

    @classmethod
    def of(cls, runtime: Runtime) -> "Cache":
        """The cache of this process."""
        return runtime.once(CACHE, lambda: cls(_client(runtime.settings.redis_url)))

    def get_or_load(self, kind: Kind[T], key: str, load: Callable[[], T]) -> T:
        """The value of a key; loaded by one caller while the others wait, at most half a second."""
        names = (f"{PREFIX}{kind.name}:{key}", f"{PREFIX}{kind.name}:{key}:lock")
        token, deadline = secrets.token_hex(8), self._monotonic() + PATIENCE_S
        while True:
            answer = self._try(lambda: self._look_up(names, (token, LOCK_MS)))
            if isinstance(answer, bytes):
                found = _read(kind, answer)
                if found is not None:
                    return found
                # Written by another release: as good as absent.
                self._try(lambda: self._redis.delete(names[0]))
            elif answer != IS_LOADED:
                return self._load(kind, names, token, load)
            else:
                self._sleep(LOOK_EVERY_S)
            if self._monotonic() >= deadline:
                return load()

    def _load(self, kind: Kind[T], names: Sequence[str], token: str, load: Callable[[], T]) -> T:
        written = b""
        try:
            value = load()
            written = kind.written.dump_json(value)
        finally:
            self._try(lambda: self._keep_or_let_go(names, (token, written, kind.seconds)))
        return value

    def _try(self, ask: Callable[[], object]) -> object | None:
        """What Redis answers; None at once while it is known to be away."""
        if not self._breaker.allows():
            return None
        try:
            answer = ask()
        except RedisError as error:
            if self._breaker.failed():
                log.warning("cache_is_away", error=type(error).__name__)
            return None
        if self._breaker.succeeded():
            log.info("cache_is_back")
        return answer


def _read(kind: Kind[T], written: bytes) -> T | None:
    try:
        return kind.written.validate_json(written)
    except ValidationError:
        return None


CACHE: Port[Cache] = Port("cache")


def _client(url: str) -> "Redis":
    """A client of its own, whose patience is short and who never tries twice."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0))
