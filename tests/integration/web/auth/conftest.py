"""What tests of accounts need: the app with settings and a clock of its own, and the mails that it sends."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import event, select, text

from luna_web.auth.app import SERVICE as AUTH
from luna_web.auth.mailing import FAMILIES, NAME, AccountMails
from luna_web.auth.wiring import ACCOUNTS, make_accounts
from luna_web.main import ALL, create_app
from luna_web.shared.clock import FixedClock
from luna_web.shared.config import Settings
from luna_web.shared.database import transaction
from luna_web.shared.mail import FolderMailer
from luna_web.shared.models import AuditLog, Outbox
from luna_web.shared.runtime import Runtime, Service, make_runtime
from luna_web.worker.domain import Consumer, drains_for
from luna_web.worker.drain import Drainer
from tests.integration.in_process import make_client
from tests.integration.world import PASSWORD, Api, People

NEW_PASSWORD = "Another-horse-battery-7"


@dataclass
class Town:
    """One library's accounts, with settings and a clock of their own."""

    api: Api
    runtime: Runtime
    clock: FixedClock
    people: People
    mailbox: Path

    def login(self, email: str, password: str = PASSWORD, **more: Any) -> Any:
        return self.api.post("/auth/login", {"email": email, "password": password, **more})

    def deliver_mails(self) -> list[EmailMessage]:
        """Have the worker send what is to be sent; every mail so far, the oldest first."""
        settings = self.runtime.settings
        mails = AccountMails(settings, FolderMailer(self.mailbox, settings), self.clock)
        consumer = Consumer(NAME, FAMILIES, mails.handle)
        drainer = Drainer(self.runtime.session_factory, {NAME: consumer})
        with transaction(self.runtime.session_factory) as session:
            events = session.scalars(select(Outbox).order_by(Outbox.position)).all()
            order = [str(event.event_id) for event in events]
        for drain in drains_for([consumer], events):
            drainer.drain(drain)
        files = sorted(self.mailbox.glob("*.eml"), key=lambda file: order.index(file.stem))
        return [_parsed(file) for file in files]

    def later(self, **by: float) -> None:
        """Time passes, and what waits to be sent has its turn."""
        self.clock.advance(timedelta(**by))
        with self.transaction() as session:
            session.execute(text("UPDATE drains_due SET due_at = now() - interval '1 second', failing = false"))

    def mailed_token(self) -> str:
        """The token in the newest mail."""
        return token_in(self.deliver_mails()[-1])

    def audit(self, action: str) -> list[AuditLog]:
        with transaction(self.runtime.session_factory) as session:
            return list(session.scalars(select(AuditLog).where(AuditLog.action == action).order_by(AuditLog.at)))

    def transaction(self) -> Any:
        return transaction(self.runtime.session_factory)


def _parsed(file: Path) -> EmailMessage:
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def token_in(mail: EmailMessage) -> str:
    found = re.search(r"#token=(\S+)", mail.get_content())
    assert found, mail.get_content()
    return found.group(1)


@pytest.fixture(scope="session")
def whole(settings: Settings) -> Iterator[tuple[FastAPI, Runtime, FixedClock]]:
    """The whole app with a clock that is moved by hand, made once: that takes longer than most tests."""
    clock = FixedClock(datetime.now(UTC))
    own = make_runtime(settings, clock)
    own.provide(ACCOUNTS, make_accounts(own))
    yield create_app(_quiet(ALL), runtime=own), own, clock
    own.close()


@pytest.fixture
def town(whole: tuple[FastAPI, Runtime, FixedClock], runtime: Runtime, tmp_path: Path) -> Iterator[Town]:
    app, own, clock = whole
    clock.advance(datetime.now(UTC) - clock.now())
    with make_client(app) as http:
        yield Town(Api(http), own, clock, People(http, own), tmp_path / "mail")


@pytest.fixture
def make_town(settings: Settings, runtime: Runtime, tmp_path: Path) -> Iterator[Callable[..., Town]]:
    """`make_town(registration="closed")`: the auth service with these settings changed, over the test's database.

    All that a test makes go by one clock.
    """
    clock = FixedClock(datetime.now(UTC))
    with ExitStack() as stack:

        def make(**changed: Any) -> Town:
            own = make_runtime(settings.model_copy(update=changed), clock)
            stack.callback(own.close)
            own.provide(ACCOUNTS, make_accounts(own))
            http = stack.enter_context(make_client(create_app(_quiet([AUTH]), runtime=own)))
            return Town(Api(http), own, clock, People(http, own), tmp_path / "mail")

        yield make


def _quiet(services: Sequence[Service]) -> list[Service]:
    return [replace(service, lifespan=None) for service in services]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, int]]:
    """How many passwords are hashed and how many SQL statements are run in a call: what a clock could tell apart."""

    def count(town: Town, call: Callable[[], object]) -> tuple[int, int]:
        hashes, statements = [], []
        with monkeypatch.context() as patched:
            for name in ("hash", "verify"):
                real = getattr(PasswordHasher, name)
                patched.setattr(PasswordHasher, name, lambda *args, real=real: hashes.append(1) or real(*args))

            def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
                if "FROM settings" not in statement:  # once a second, whatever is asked
                    statements.append(statement)

            event.listen(town.runtime.engine, "before_cursor_execute", note)
            try:
                call()
            finally:
                event.remove(town.runtime.engine, "before_cursor_execute", note)
        return len(hashes), len(statements)

    return count
