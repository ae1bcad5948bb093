"""Guessing passwords is slowed down: who counts against what, and what is written about it."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from secrets import token_bytes
from uuid import UUID

from luna_web.auth.delays import Counter, Delays, Patience, Verdict
from luna_web.auth.devices import Device, folded, read_device
from luna_web.auth.errors import TooManyAttempts
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.config import Settings
from luna_web.shared.database import transaction
from luna_web.shared.loggers import structlog
from luna_web.shared.rate_limits import address_group
from luna_web.shared.runtime import Runtime

log = structlog.get_logger(__name__)


def account_patience(settings: Settings) -> Patience:
    """Of an account, from devices it does not know, and of each device that it knows: 6 guesses an hour in the end."""
    longest = timedelta(seconds=settings.login_longest_delay_seconds)
    return Patience(free=settings.login_free_failures, forgiven_every=timedelta(minutes=10), longest=longest)


def address_patience(settings: Settings) -> Patience:
    """Of an address: a campus where twenty people a minute mistype never waits."""
    free = settings.login_free_failures_per_address
    return Patience(free=free, forgiven_every=timedelta(seconds=3), longest=timedelta(minutes=1))


@dataclass
class Attempt:
    """One guess at a password. Whoever makes it says how it ended; without a word it counts for nothing.

    `account` is what its failures are counted under, `user_id` whose account it is, where there is one.
    """

    account: str
    device: Device | None
    verdict: Verdict
    failed: bool = False
    right: bool = False
    user_id: UUID | None = None

    def settle(self, right: bool, user_id: UUID | None) -> None:
        self.right, self.failed, self.user_id = right, not right, user_id


class Attempts:
    """Counts guesses at passwords.

    A device that has logged in to the account before counts for itself; others against account and address together.
    """

    def __init__(self, runtime: Runtime, delays: Delays) -> None:
        self._runtime = runtime
        self._delays = delays
        keys = runtime.settings.key_ring()
        self._device_keys = keys.seals(b"luna devices")
        self._account_key = keys.seals(b"luna accounts")[0]
        self._device_lifetime = timedelta(seconds=runtime.settings.device_token_seconds)
        self._account_patience = account_patience(runtime.settings)
        self._address_patience = address_patience(runtime.settings)

    def device(self, device_token: str | None) -> Device | None:
        """The device that this token proves; to which account it has logged in stands in it."""
        now = self._runtime.clock.now()
        return read_device(device_token, self._device_keys, now) if device_token else None

    @contextmanager
    def attempt(self, email: str, device: Device | None, meta: RequestMeta) -> Iterator[Attempt]:
        """One guess at the password of this email, from a `device` that its account knows, or from any other.

        Raises TooManyAttempts before it is made.
        """
        account = self._account(email)
        with self._counted(self._counters(account, device, meta), account, device, meta) as attempt:
            yield attempt

    @contextmanager
    def of_user(self, user_id: UUID, meta: RequestMeta) -> Iterator[Attempt]:
        """One guess at one's own password by somebody who is logged in."""
        with self._counted([Counter(f"own:{user_id}", self._account_patience)], str(user_id), None, meta) as attempt:
            yield attempt

    def forgive(self, email: str) -> None:
        """Whoever reads the account's mail has proven more than a password."""
        self._delays.forget([Counter(f"account:{self._account(email)}", self._account_patience)])

    def device_token(self, user_id: UUID, known: Device | None = None) -> str:
        """The token of the device that has just logged in to this account, good from now on."""
        end = self._runtime.clock.now() + self._device_lifetime
        device = Device(known.id if known else token_bytes(16), user_id, int(end.timestamp()))
        return device.text(self._device_keys[0])

    @contextmanager
    def _counted(
        self, counters: list[Counter], account: str, device: Device | None, meta: RequestMeta
    ) -> Iterator[Attempt]:
        verdict = self._delays.begin(counters, self._runtime.clock.now())
        if not verdict.admitted:
            raise TooManyAttempts(ceil(verdict.wait.total_seconds()))
        attempt = Attempt(account, device, verdict)
        try:
            yield attempt
        finally:
            self._settle(attempt, counters, meta)

    def _settle(self, attempt: Attempt, counters: list[Counter], meta: RequestMeta) -> None:
        if attempt.failed:
            self._write_down(attempt, meta)
            return
        self._delays.take_back(counters)
        if attempt.right:
            self._delays.forget([counter for counter in counters if counter.patience is self._account_patience])

    def _counters(self, account: str, device: Device | None, meta: RequestMeta) -> list[Counter]:
        if device:
            return [Counter(f"device:{device.id.hex()}", self._account_patience)]
        return [
            Counter(f"account:{account}", self._account_patience),
            Counter(f"address:{address_group(meta.ip_address)}", self._address_patience),
        ]

    def _account(self, email: str) -> str:
        """What an email's failures are counted under, whether or not it has an account. Redis learns no email."""
        return hmac.digest(self._account_key, folded(email).encode(), "sha256").hex()

    def _write_down(self, attempt: Attempt, meta: RequestMeta) -> None:
        """Each failure into the log; into the audit trail once they come so fast that they are slowed down."""
        told = {"account": attempt.account[:16], "known_device": attempt.device is not None}
        log.warning("login_failed", address=meta.ip_address, **told)
        if attempt.verdict.wait:
            told |= {"seconds": ceil(attempt.verdict.wait.total_seconds())}
            with transaction(self._runtime.session_factory) as session:
                audit(session, None, "login.slowed_down", "user", attempt.user_id, told, meta)
