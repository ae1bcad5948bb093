"""Sessions against a model, with time moved by hand, on real PostgreSQL.

The model knows of each session which refresh tokens it handed out and when; everything else follows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from luna_web.shared.clock import FixedClock
from luna_web.shared.principal import Role
from tests.integration.web.auth.conftest import Town
from tests.integration.world import PASSWORD, Person, data

PASSWORDS = (PASSWORD, "Another-horse-battery-7")
REFRESH_LIFE = timedelta(days=7)
LONGEST = timedelta(days=30)
GRACE = timedelta(seconds=10)
ACCESS_LIFE = timedelta(hours=1)


@dataclass(eq=False)
class Known:
    """A session as the model knows it. `tokens` in the order in which they were handed out; the last is current."""

    opened: datetime
    tokens: list[str]
    access: list[tuple[str, datetime]]
    refreshed: datetime
    rotated: datetime | None = None
    ended: bool = False

    def expired(self, now: datetime) -> bool:
        return now >= min(self.refreshed + REFRESH_LIFE, self.opened + LONGEST)


@dataclass
class Model:
    password: int = 0
    role: str = "STUDENT"
    active: bool = True
    sessions: list[Known] = field(default_factory=list)

    def end_all(self, but: Known | None = None) -> None:
        for known in self.sessions:
            known.ended = known.ended or known is not but


class Sessions(RuleBasedStateMachine):
    """One reader, their sessions, an administrator."""

    town: ClassVar[Town]
    held = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.clock: FixedClock = self.town.clock
        self.model = Model()
        self.reader: Person = self.town.people.make(Role.STUDENT)
        self.admin_id = self.town.people.make(Role.ADMIN)

    def admin(self) -> Any:
        """Her token is fresh, whatever the time."""
        principal = self.admin_id.principal
        return self.town.api.as_token(self.town.runtime.tokens.issue(principal, self.clock.now()))

    @rule(target=held, password=st.sampled_from([0, 1]))
    def log_in(self, password: int) -> Any:
        answer = self.town.login(self.reader.email, PASSWORDS[password])
        right = password == self.model.password
        assert answer.status_code == (401 if not right else 200 if self.model.active else 403)
        self.clock.advance(timedelta(hours=1))  # what failures cost has passed
        if answer.status_code != 200:
            return multiple()
        found, now = data(answer), self.clock.now() - timedelta(hours=1)
        known = Known(now, [found["refresh_token"]], [(found["access_token"], now)], now)
        self.model.sessions.append(known)
        return known

    @rule(known=held, which=st.integers(0, 5), lost=st.booleans())
    def refresh(self, known: Known, which: int, lost: bool) -> None:
        """With the current token or an older one. `lost`: the answer does not arrive, so the client asks again."""
        token = known.tokens[-1 - which % len(known.tokens)]
        self._refresh(known, token)
        if lost:
            self._refresh(known, token)

    def _refresh(self, known: Known, token: str) -> None:
        now, age = self.clock.now(), len(known.tokens) - 1 - known.tokens.index(token)
        answer = self.town.api.post("/auth/refresh", {"refresh_token": token})
        code = answer.json().get("error", {}).get("code")
        if known.ended or known.expired(now) or not self.model.active:
            assert (answer.status_code, code) == (401, "UNAUTHENTICATED")
        elif age == 0:
            known.tokens.append(data(answer)["refresh_token"])
            known.rotated = known.refreshed = now
            known.access.append((data(answer)["access_token"], now))
        elif age == 1 and known.rotated is not None and now - known.rotated <= GRACE:
            assert data(answer)["refresh_token"] == known.tokens[-1]
            known.access.append((data(answer)["access_token"], now))
        else:
            assert (answer.status_code, code) == (401, "TOKEN_REUSED")
            known.ended = True

    @rule(known=held, everywhere=st.booleans())
    def log_out(self, known: Known, everywhere: bool) -> None:
        answer = self._as(known).post(f"/auth/logout?all={str(everywhere).lower()}")
        assert (answer.status_code == 200) == self._alive(known)
        if answer.status_code == 200:
            known.ended = True
            if everywhere:
                self.model.end_all()

    @rule(known=held)
    def change_password(self, known: Known) -> None:
        other = 1 - self.model.password
        body = {"current_password": PASSWORDS[self.model.password], "new_password": PASSWORDS[other]}
        answer = self._as(known).put("/auth/change-password", body)
        assert (answer.status_code == 200) == self._alive(known)
        if answer.status_code == 200:
            self.model.password = other
            self.model.end_all(but=known)

    @rule(known=held, other=held)
    def end_another(self, known: Known, other: Known) -> None:
        if not self._alive(known) or other.ended or other.expired(self.clock.now()):
            return
        listed = data(self._as(known).get("/auth/sessions?limit=100"))
        mine = {row["id"] for row in listed if row["current"]}
        target = mine if other is known else {row["id"] for row in listed} - mine
        if other is not known and len(listed) != 2:
            return
        data(self._as(known).delete(f"/auth/sessions/{target.pop()}"))
        other.ended = True

    @rule(role=st.sampled_from(["STUDENT", "LIBRARIAN"]))
    def change_role(self, role: str) -> None:
        data(self.admin().put(f"/auth/users/{self.reader.id}", {"role": role}))
        if role != self.model.role:
            self.model.role = role
            self.model.end_all()

    @precondition(lambda self: self.model.active)
    @rule()
    def deactivate(self) -> None:
        data(self.admin().delete(f"/auth/users/{self.reader.id}"))
        self.model.active = False
        self.model.end_all()

    @precondition(lambda self: not self.model.active)
    @rule()
    def activate(self) -> None:
        data(self.admin().put(f"/auth/users/{self.reader.id}", {"is_active": True}))
        self.model.active = True

    @rule(by=st.sampled_from([timedelta(seconds=4), timedelta(seconds=11), timedelta(minutes=59), timedelta(days=3)]))
    def time_passes(self, by: timedelta) -> None:
        self.clock.advance(by)

    @invariant()
    def what_has_ended_opens_nothing_and_what_lives_does(self) -> None:
        for known in self.model.sessions[-4:]:
            answer = self._as(known).get("/auth/me")
            assert (answer.status_code == 200) == self._alive(known)

    def _as(self, known: Known) -> Any:
        return self.town.api.as_token(known.access[-1][0])

    def _alive(self, known: Known) -> bool:
        """By its newest access token, which does not outlive the session."""
        now = self.clock.now()
        return not known.ended and now < known.access[-1][1] + ACCESS_LIFE and not known.expired(now)


@pytest.fixture
def machine(make_town: Callable[..., Town]) -> type[Sessions]:
    Sessions.town = make_town(login_limit_per_address="1000000/minute")
    return Sessions


def test_sessions_do_as_the_model_says(machine: type[Sessions]) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
