"""What the routes share: a call's `Work`, and the short wait for a robot to take what a person said."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session

from luna_web.delivery.policies import policies
from luna_web.delivery.service.lists import Span
from luna_web.delivery.service.work import Work
from luna_web.shared.audit import RequestMeta
from luna_web.shared.database import transaction
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.principal import Principal
from luna_web.shared.request_meta import Meta, request_meta
from luna_web.shared.runtime import Runtime
from luna_web.shared.transactions import DbSession

PATIENCE_SECONDS = 2.0
LOOK_EVERY_SECONDS = 0.03


async def _work(session: DbSession, principal: CurrentPrincipal, meta: Meta, request: Request) -> Work:
    """Asks the database nothing: a call that had a connection while it waits for a thread could wait for ever."""
    runtime: Runtime = request.app.state.luna
    return Work(session, principal, runtime.clock.now(), meta, policies(runtime))


Doing = Annotated[Work, Depends(_work)]


async def _span(
    since: Annotated[datetime | None, Query(alias="from", description="From this time on")] = None,
    until: Annotated[datetime | None, Query(alias="to", description="Before this time")] = None,
) -> Span:
    return Span(since, until)


Within = Annotated[Span, Depends(_span)]


@dataclass(frozen=True, slots=True)
class Caller:
    """A call that needs more than one transaction: it writes what is wanted, then looks whether it came about."""

    runtime: Runtime
    principal: Principal
    meta: RequestMeta

    @contextmanager
    def work(self) -> Iterator[Work]:
        with transaction(self.runtime.session_factory) as session:
            yield self.at_work(session)

    def at_work(self, session: Session) -> Work:
        return Work(session, self.principal, self.runtime.clock.now(), self.meta, policies(self.runtime))

    def until(self, done: Callable[[Work], bool]) -> bool:
        """Look, in a short transaction each time, until `done` or two seconds are over; says whether it was done."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self.work() as work:
                if done(work):
                    return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOOK_EVERY_SECONDS)


async def _caller(request: Request, principal: CurrentPrincipal) -> Caller:
    return Caller(request.app.state.luna, principal, request_meta(request))


Calling = Annotated[Caller, Depends(_caller)]
