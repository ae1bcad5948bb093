"""Password hashes: Argon2id, a bounded number at a time."""

import threading
from functools import lru_cache
from pathlib import Path

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from luna_web.shared.config import Settings
from luna_web.shared.errors import DependencyUnavailable

WAIT_S = 5.0
MOST_WAITING = 16
_COMMON = Path(__file__).with_name("common_passwords.txt")


@lru_cache
def common_passwords() -> frozenset[str]:
    """The passwords that everybody tries first, in lower case."""
    return frozenset(_COMMON.read_text(encoding="utf-8").split())


class Passwords:
    """Hashes and checks passwords with `memory_kib` and `passes`, at most `at_once` at the same time.

    Each hash takes a core for tens of milliseconds and tens of megabytes: without the bound a burst of logins would
    starve everything else. Parameters: OWASP Password Storage Cheat Sheet, Argon2id, m = 19 MiB, t = 2, p = 1.
    """

    def __init__(self, memory_kib: int, passes: int, at_once: int) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._slots = _Slots(at_once)
        self._nobody: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Passwords":
        return cls(settings.argon2_memory_kib, settings.argon2_passes, settings.password_hashes_at_once)

    def hash(self, password: str) -> str:
        with self._slots:
            return self._hasher.hash(password)

    def matches(self, known: str | None, password: str) -> bool:
        """Whether this is the password; with no hash to compare, the same time is spent and the answer is no."""
        compared = known or self._hash_of_nobody()
        with self._slots:
            try:
                self._hasher.verify(compared, password)
            except (VerificationError, InvalidHashError):
                return False
        return bool(known)

    def prepare(self) -> None:
        """Make the hash that is compared where there is no account, so that the first such comparison costs no more."""
        self._hash_of_nobody()

    def outdated(self, known: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(known)

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self.hash("nobody has this password")
        return self._nobody


class _Slots:
    """The places for hashing. DependencyUnavailable when none comes free in time, or too many wait already.

    Whoever waits holds one of the threads that serve everybody: a burst of logins must leave some for the others.
    """

    def __init__(self, count: int) -> None:
        self._slots = threading.BoundedSemaphore(count)
        self._room = threading.BoundedSemaphore(count + MOST_WAITING)

    def __enter__(self) -> None:
        if not self._room.acquire(blocking=False):
            raise DependencyUnavailable("Password checking", retry_after=2)
        if not self._slots.acquire(timeout=WAIT_S):
            self._room.release()
            raise DependencyUnavailable("Password checking", retry_after=5)

    def __exit__(self, *_: object) -> None:
        self._slots.release()
        self._room.release()
