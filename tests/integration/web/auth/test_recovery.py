"""A forgotten password."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from luna_web.auth import repository
from luna_web.auth.events import MailKind, ask_for_mail
from luna_web.auth.mailing import AccountMails
from luna_web.auth.models import EmailVerification, PasswordReset, User
from luna_web.shared.database import transaction
from luna_web.shared.mail import Mail
from luna_web.shared.models import Outbox
from tests.integration.web.auth.conftest import NEW_PASSWORD, Town, token_in
from tests.integration.world import PASSWORD, Person, data, refused

WAYS: dict[str, Any] = {
    "/auth/forgot-password": {"email": "ada@example.org"},
    "/auth/verify-email/resend": {"email": "ada@example.org"},
    "/auth/reset-password": {"token": "A" * 43, "new_password": NEW_PASSWORD},
    "/auth/verify-email": {"token": "A" * 43},
}


@pytest.fixture
def ada(town: Town) -> Person:
    return town.people.make(email="Ada@example.org")


def forget(town: Town, email: str = "ada@EXAMPLE.org") -> None:
    assert data(town.api.post("/auth/forgot-password", {"email": email}), 202) == {}


def reset(town: Town, token: str, password: str = NEW_PASSWORD) -> Any:
    return town.api.post("/auth/reset-password", {"token": token, "new_password": password})


class TestForgot:
    def test_a_link_comes_by_mail_to_the_address_that_was_registered(self, town: Town, ada: Person) -> None:
        forget(town)

        (mail,) = town.deliver_mails()
        assert (mail["To"], mail["Subject"]) == ("Ada@example.org", "Choose a new password")
        assert f"{town.runtime.settings.public_url}/reset-password#token=" in mail.get_content()

    def test_the_host_header_is_not_believed(self, town: Town, ada: Person) -> None:
        data(town.api.post("/auth/forgot-password", {"email": ada.email}, headers={"Host": "evil.example"}), 202)

        assert "evil.example" not in town.deliver_mails()[0].as_string()

    @pytest.mark.parametrize("email", ["nobody@example.org", "not an email", "x" * 254])
    def test_without_an_account_the_answer_is_the_same_and_nothing_is_sent(self, town: Town, email: str) -> None:
        forget(town, email)

        assert town.deliver_mails() == []

    def test_a_disabled_account_gets_none(self, town: Town) -> None:
        town.people.make(email="ada@example.org", is_active=False)
        forget(town)

        assert town.deliver_mails() == []

    def test_with_and_without_an_account_the_request_does_the_same(
        self, town: Town, ada: Person, counted: Callable[..., tuple[int, int]]
    ) -> None:
        with_account = counted(town, lambda: forget(town))
        without = counted(town, lambda: forget(town, "nobody@example.org"))

        assert with_account == without

    def test_what_comes_too_late_to_be_of_use_is_not_sent(self, town: Town, ada: Person) -> None:
        forget(town)
        town.clock.advance(timedelta(minutes=31))

        assert town.deliver_mails() == []

    def test_asking_is_bounded_for_each_address(self, make_town: Callable[..., Town]) -> None:
        strict = make_town(recovery_limit_per_address="2/minute")
        answers = [strict.api.post("/auth/forgot-password", {"email": "a@example.org"}) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert int(answers[2].headers["Retry-After"]) > 0

    @pytest.mark.parametrize("used_up", WAYS)
    def test_a_burst_of_one_kind_leaves_the_others_alone(self, make_town: Callable[..., Town], used_up: str) -> None:
        strict = make_town(recovery_limit_per_address="2/minute")
        for _ in range(2):
            strict.api.post(used_up, WAYS[used_up])

        statuses = {way: strict.api.post(way, body).status_code for way, body in WAYS.items()}

        assert [way for way, status in statuses.items() if status == 429] == [used_up]

    def test_a_mail_that_is_sent_twice_is_the_same_mail(self, town: Town, ada: Person) -> None:
        """The sender dies between sending and committing."""
        sent: list[Mail] = []

        class Recorder:
            def send(self, mail: Mail) -> None:
                sent.append(mail)

        forget(town)
        mails = AccountMails(town.runtime.settings, Recorder(), town.clock)
        for _ in range(2):
            with town.runtime.session_factory() as session:
                mails.handle(session, session.scalars(select(Outbox)).one())
                session.rollback()

        assert sent[0] == sent[1]


class TestManyRequests:
    """Strangers can ask for somebody's mails. They neither flood a mailbox nor use up what its owner gets."""

    def test_nobodys_mailbox_is_flooded(self, town: Town, ada: Person) -> None:
        for _ in range(10):
            forget(town)
        assert len(town.deliver_mails()) == 3

        town.later(minutes=9)
        assert len(town.deliver_mails()) == 3

    def test_whoever_asks_has_a_link_that_works_ten_minutes_later(self, town: Town, ada: Person) -> None:
        for _ in range(10):
            forget(town)
        town.deliver_mails()
        forget(town)

        town.later(minutes=11)

        mails = town.deliver_mails()
        assert len(mails) == 4, "one for all who waited"
        data(reset(town, token_in(mails[-1])))
        town.later(minutes=1)
        assert [mail["Subject"] for mail in town.deliver_mails()[4:]] == ["Your password was changed"]

    def test_all_day_long_there_is_one_in_ten_minutes(self, town: Town, ada: Person) -> None:
        for _ in range(12):
            forget(town)
            forget(town)
            town.deliver_mails()
            town.later(minutes=5)

        assert len(town.deliver_mails()) <= 3 + 60 / 10 + 1

    def test_a_device_that_the_account_knows_does_not_wait_for_others(self, town: Town, ada: Person) -> None:
        device = data(town.login(ada.email))["device_token"]
        for _ in range(10):
            forget(town)
        town.deliver_mails()

        data(town.api.post("/auth/forgot-password", {"email": ada.email, "device_token": device}), 202)
        cookie = {"Cookie": f"__Secure-luna_device={device}"}
        data(town.api.post("/auth/forgot-password", {"email": ada.email}, headers=cookie), 202)

        assert len(town.deliver_mails()) == 5

    def test_nor_does_it_flood_the_mailbox(self, town: Town, ada: Person) -> None:
        device = data(town.login(ada.email))["device_token"]
        for _ in range(6):
            data(town.api.post("/auth/forgot-password", {"email": ada.email, "device_token": device}), 202)

        assert len(town.deliver_mails()) == 3

    def test_a_device_of_another_account_is_a_strangers(self, town: Town, ada: Person) -> None:
        town.people.make(email="mallory@example.org")
        device = data(town.login("mallory@example.org"))["device_token"]
        for _ in range(6):
            data(town.api.post("/auth/forgot-password", {"email": ada.email, "device_token": device}), 202)
        forget(town)

        assert len(town.deliver_mails()) == 3

    def test_an_invitation_does_not_wait_for_strangers(self, town: Town, ada: Person) -> None:
        for _ in range(6):
            forget(town)
        town.deliver_mails()
        with town.transaction() as session:
            ask_for_mail(session, MailKind.INVITATION, user_id=ada.id)

        assert town.deliver_mails()[-1]["Subject"] == "Your library account"

    def test_of_two_workers_one_sends_at_a_time(self, town: Town, ada: Person) -> None:
        """They would both see room for one more."""
        with town.transaction() as sending, town.transaction() as other:
            assert repository.alone_with_mails(sending, PasswordReset, ada.id)
            assert not repository.alone_with_mails(other, PasswordReset, ada.id)
            assert repository.alone_with_mails(other, EmailVerification, ada.id)


class TestReset:
    def test_a_token_changes_the_password_and_ends_every_session(self, town: Town, ada: Person) -> None:
        forget(town)

        data(reset(town, town.mailed_token()))

        refused(ada.api.get("/auth/me"), 401, "UNAUTHENTICATED")
        refused(town.login(ada.email), 401, "INVALID_CREDENTIALS")
        data(town.login(ada.email, NEW_PASSWORD))
        assert town.audit("user.password_reset")
        assert town.deliver_mails()[-1]["Subject"] == "Your password was changed"

    def test_it_works_once_and_takes_the_others_with_it(self, town: Town, ada: Person) -> None:
        forget(town)
        forget(town)
        first, second = (token_in(mail) for mail in town.deliver_mails())
        data(reset(town, second))

        for token in (first, second):
            refused(reset(town, token), 422, "RESET_TOKEN_INVALID")

    def test_it_works_for_thirty_minutes(self, town: Town, ada: Person) -> None:
        forget(town)
        token = town.mailed_token()
        town.clock.advance(timedelta(minutes=30, seconds=1))

        refused(reset(town, token), 422, "RESET_TOKEN_INVALID")

    def test_a_weak_password_does_not_use_it_up(self, town: Town, ada: Person) -> None:
        forget(town)
        token = town.mailed_token()

        details = refused(reset(town, token, "robots"), 422, "WEAK_PASSWORD")

        assert details["fields"]["new_password"]
        data(reset(town, token))

    def test_of_two_at_once_one_wins(self, town: Town, ada: Person) -> None:
        forget(town)
        token, together = town.mailed_token(), Barrier(2)

        def race(password: str) -> int:
            together.wait(10)
            return town.api.post("/auth/reset-password", {"token": token, "new_password": password}).status_code

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(race, [NEW_PASSWORD, "Third-horse-battery-5"])) == [200, 422]

    @pytest.mark.parametrize("token", ["", "nonsense", "é" * 43, "A" * 43, "A" * 1024])
    def test_what_nobody_mailed_resets_nothing(self, town: Town, ada: Person, token: str) -> None:
        refused(reset(town, token), 422, "RESET_TOKEN_INVALID")

    def test_an_account_that_was_disabled_meanwhile_stays_closed(self, town: Town, ada: Person) -> None:
        forget(town)
        token = town.mailed_token()
        with town.transaction() as session:
            session.get_one(User, ada.id).is_active = False

        refused(reset(town, token), 422, "RESET_TOKEN_INVALID")

    def test_the_table_keeps_hashes_only(self, town: Town, ada: Person) -> None:
        forget(town)
        token = town.mailed_token()

        with town.transaction() as session:
            row = session.scalars(select(PasswordReset)).one()
        assert token.encode() not in row.token_hash and len(row.token_hash) == 32

    def test_whoever_reads_the_mails_is_not_kept_out_by_others_failures(self, town: Town, ada: Person) -> None:
        for _ in range(6):
            town.login(ada.email, "Wrong-horse-9")
        refused(town.login(ada.email), 429, "TOO_MANY_ATTEMPTS")
        forget(town)

        data(reset(town, town.mailed_token()))

        data(town.login(ada.email, NEW_PASSWORD))


def test_an_invitation_lets_the_person_choose_the_password(town: Town, ada: Person) -> None:
    with transaction(town.runtime.session_factory) as session:
        ask_for_mail(session, MailKind.INVITATION, user_id=ada.id)

    data(reset(town, town.mailed_token()))

    refused(town.login(ada.email, PASSWORD), 401, "INVALID_CREDENTIALS")
