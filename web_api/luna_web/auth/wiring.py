"""The parts of the service, made once for each process: they bound how many passwords are hashed at a time."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from luna_web.auth.administration import Administration
from luna_web.auth.attempts import Attempts
from luna_web.auth.changing import PasswordChange
from luna_web.auth.delays import Delays
from luna_web.auth.logins import Logins
from luna_web.auth.passwords import Passwords
from luna_web.auth.ports import DEPARTURES
from luna_web.auth.recovery import Recovery
from luna_web.auth.registration import Registration
from luna_web.auth.sessions import Sessions
from luna_web.shared.rate_limits import RateLimits
from luna_web.shared.runtime import Port, Runtime


@dataclass(frozen=True, slots=True)
class Accounts:
    """Every door of the service."""

    runtime: Runtime
    sessions: Sessions
    logins: Logins
    registration: Registration
    recovery: Recovery
    password_change: PasswordChange
    passwords: Passwords

    @property
    def administration(self) -> Administration:
        return Administration(self.runtime, self.passwords, self.sessions, self.runtime.get(DEPARTURES))


ACCOUNTS: Port[Accounts] = Port("accounts")


def make_accounts(runtime: Runtime) -> Accounts:
    passwords, sessions = Passwords.of(runtime.settings), Sessions(runtime)
    passwords.prepare()
    limits, attempts = RateLimits(runtime.redis), Attempts(runtime, Delays(runtime.redis))
    return Accounts(
        runtime=runtime,
        sessions=sessions,
        logins=Logins(runtime, passwords, limits, attempts, sessions),
        registration=Registration(runtime, passwords, limits, attempts, sessions),
        recovery=Recovery(runtime, passwords, limits, attempts, sessions),
        password_change=PasswordChange(runtime, passwords, attempts, sessions),
        passwords=passwords,
    )


async def accounts(request: Request) -> Accounts:
    """Made in a thread by the first call, since a password is hashed for it; later ones need none."""
    runtime: Runtime = request.app.state.luna
    if runtime.has(ACCOUNTS):
        return runtime.get(ACCOUNTS)
    return await run_in_threadpool(runtime.once, ACCOUNTS, lambda: make_accounts(runtime))


TheAccounts = Annotated[Accounts, Depends(accounts)]
