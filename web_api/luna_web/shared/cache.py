"""A cache in Redis that never decides anything: one loader a key, and everything goes on while Redis is away.

Whoever finds nothing takes the key's lock and loads; the others wait for that a moment, and load themselves if it
takes too long or the loader died. Keys name what they hold so exactly (an id with its version, a search with the
generation of the catalog) that a value is never wrong, only unused: nothing has to be removed after a change.
"""

import secrets
import threading
import time
from collections.abc import Callable
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
PREFIX = "luna:cache:"
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

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
        self._breaker = breaker or Breaker()
        self._sleep = sleep
        self._monotonic = monotonic

    @classmethod
    def of(cls, runtime: Runtime) -> "Cache":
        """The cache of this process."""
        return runtime.once(CACHE, lambda: cls(_client(runtime.settings.redis_url)))

    def get_or_load(self, kind: Kind[T], key: str, load: Callable[[], T]) -> T:
        """The value of a key; loaded by one caller while the others wait, at most half a second."""
        name = f"{PREFIX}{kind.name}:{key}"
        deadline = self._monotonic() + PATIENCE_S
        while True:
            found = self._read(kind, name)
            if found is not None:
                return found
            token = secrets.token_hex(8)
            if self._takes_lock(name, token):
                return self._load(kind, name, token, load)
            if self._monotonic() >= deadline:
                return load()
            self._sleep(LOOK_EVERY_S)

    def _load(self, kind: Kind[T], name: str, token: str, load: Callable[[], T]) -> T:
        try:
            # Between our look and our lock another may have loaded it and let go.
            found = self._read(kind, name)
            if found is not None:
                return found
            value = load()
            self._try(lambda: self._redis.set(name, kind.written.dump_json(value), ex=kind.seconds))
        finally:
            self._try(lambda: self._redis.eval(_UNLOCK, 1, f"{name}:lock", token))
        return value

    def _read(self, kind: Kind[T], name: str) -> T | None:
        raw = self._try(lambda: self._redis.get(name))
        if not isinstance(raw, bytes):
            return None
        try:
            return kind.written.validate_json(raw)
        except ValidationError:
            # Written by another release: as good as absent.
            return None

    def _takes_lock(self, name: str, token: str) -> bool:
        """Whether the caller is to load. While Redis is away everybody is."""
        taken = self._try(lambda: bool(self._redis.set(f"{name}:lock", token, nx=True, px=LOCK_MS)))
        return taken is not False

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


CACHE: Port[Cache] = Port("cache")


def _client(url: str) -> "Redis":
    """A client of its own, whose patience is short and who never tries twice."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0))
