"""Who may register, and what a mail has to say about it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from luna_web.auth.models import EmailVerification, User
from luna_web.shared.config import Registration
from luna_web.shared.models import Outbox
from tests.integration.web.auth.conftest import NEW_PASSWORD, Town, token_in
from tests.integration.world import PASSWORD, data, refused

ADA = {"email": "Ada@Example.org", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"}


@pytest.fixture
def domains(make_town: Callable[..., Town]) -> Town:
    return make_town(registration=Registration.DOMAINS, registration_domains=("example.org", "lib.example"))


class TestOpen:
    def test_two_who_register_one_email_at_once_are_one_account(self, town: Town) -> None:
        together = Barrier(2)

        def race(email: str) -> int:
            together.wait(10)
            status: int = town.api.post("/auth/register", ADA | {"email": email}).status_code
            return status

        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(pool.map(race, ["ada@example.org", "ADA@example.org"]))

        assert statuses == [201, 409]
        with town.transaction() as session:
            assert session.scalar(select(func.count()).select_from(User)) == 1


    def test_whoever_was_let_in_without_can_have_their_email_verified(self, town: Town) -> None:
        """News go to verified addresses alone."""
        me = town.api.as_token(data(town.api.post("/auth/register", ADA), 201)["access_token"])
        assert data(me.get("/auth/me"))["email_verified_at"] is None
        data(town.api.post("/auth/verify-email/resend", {"email": ADA["email"]}), 202)
        (mail,) = town.deliver_mails()
        assert "news" in mail.get_content()
        data(town.api.post("/auth/verify-email", {"token": token_in(mail)}))
        assert data(me.get("/auth/me"))["email_verified_at"] is not None


class TestDomains:
    def test_registering_brings_no_token_but_a_mail(self, domains: Town) -> None:
        answer = data(domains.api.post("/auth/register", ADA), 202)

        assert answer == {"email": "Ada@Example.org", "verification": "MAILED"}
        (mail,) = domains.deliver_mails()
        assert mail["To"] == "Ada@Example.org"
        assert f"{domains.runtime.settings.public_url}/verify-email#token=" in mail.get_content()

    def test_who_registers_others_cannot_send_them_a_message(self, domains: Town) -> None:
        data(domains.api.post("/auth/register", ADA | {"first_name": "see evil.example", "last_name": "at once"}), 202)

        assert "evil.example" not in domains.deliver_mails()[0].as_string()

    def test_until_the_link_is_followed_nobody_gets_in(self, domains: Town) -> None:
        data(domains.api.post("/auth/register", ADA), 202)
        refused(domains.login(ADA["email"]), 403, "EMAIL_UNVERIFIED")
        refused(domains.login(ADA["email"], "Wrong-horse-9"), 401, "INVALID_CREDENTIALS")

        data(domains.api.post("/auth/verify-email", {"token": domains.mailed_token()}))

        assert data(domains.login(ADA["email"]))["user"]["role"] == "STUDENT"
        assert domains.audit("user.email_verified")

    @pytest.mark.parametrize("email", ["ada@elsewhere.example", "ada@sub.example.org", "ada@example.org.evil.example"])
    def test_other_domains_are_told_which_ones_may(self, domains: Town, email: str) -> None:
        details = refused(domains.api.post("/auth/register", ADA | {"email": email}), 403, "FORBIDDEN")

        assert details["domains"] == ["example.org", "lib.example"]

    def test_a_taken_email_gets_the_same_answer_and_another_mail(self, domains: Town) -> None:
        domains.people.make(email="ada@example.org")
        fresh = domains.api.post("/auth/register", ADA | {"email": "bea@example.org"})
        taken = domains.api.post("/auth/register", ADA)

        assert (fresh.status_code, fresh.json()["data"].keys()) == (taken.status_code, taken.json()["data"].keys())
        subjects = [mail["Subject"] for mail in domains.deliver_mails()]
        assert subjects == ["Confirm your email address", "You have an account already"]
        refused(domains.login("ada@example.org", NEW_PASSWORD), 401, "INVALID_CREDENTIALS")

    def test_the_owner_of_a_taken_email_is_not_flooded(self, domains: Town) -> None:
        domains.people.make(email="ada@example.org")
        for _ in range(6):
            data(domains.api.post("/auth/register", ADA), 202)
        assert len(domains.deliver_mails()) == 3

        domains.later(minutes=9)
        data(domains.api.post("/auth/register", ADA), 202)
        assert len(domains.deliver_mails()) == 3

    def test_nobody_keeps_another_from_registering_for_long(self, domains: Town) -> None:
        """Whatever strangers have used up, a link that works comes within ten minutes."""
        for number in range(4):
            data(domains.api.post("/auth/register", ADA | {"password": f"Attackers-pass-{number}"}), 202)
            domains.deliver_mails()
        data(domains.api.post("/auth/verify-email/resend", {"email": ADA["email"]}), 202)
        assert len(domains.deliver_mails()) == 4

        domains.later(minutes=10, seconds=5)

        token = token_in(domains.deliver_mails()[-1])
        data(domains.api.post("/auth/reset-password", {"token": token, "new_password": PASSWORD}))
        data(domains.login(ADA["email"]))

    def test_a_taken_email_takes_as_many_hashes_and_statements(
        self, domains: Town, counted: Callable[..., tuple[int, int]]
    ) -> None:
        domains.people.make(email="ada@example.org")

        taken = counted(domains, lambda: domains.api.post("/auth/register", ADA))
        fresh = counted(domains, lambda: domains.api.post("/auth/register", ADA | {"email": "bea@example.org"}))

        assert taken == fresh

    @pytest.mark.parametrize("passwords", [("Attackers-pass-1", "Letter-no-5"), ("Letter-no-5", "Attackers-pass-1")])
    def test_where_two_register_one_email_its_reader_chooses_the_password(
        self, domains: Town, passwords: tuple[str, str]
    ) -> None:
        """Who registers somebody else's email, first or last, must not have their password confirmed by its owner."""
        data(domains.api.post("/auth/register", ADA | {"password": passwords[0]}), 202)
        first = domains.mailed_token()
        data(domains.api.post("/auth/register", ADA | {"password": passwords[1]}), 202)

        refused(domains.api.post("/auth/verify-email", {"token": first}), 422, "VERIFICATION_TOKEN_INVALID")
        second = domains.mailed_token()
        data(domains.api.post("/auth/reset-password", {"token": second, "new_password": PASSWORD}))

        for password in passwords:
            refused(domains.login(ADA["email"], password), 401, "INVALID_CREDENTIALS")
        data(domains.login(ADA["email"], PASSWORD))

    def test_no_mail_confirms_the_password_of_a_registration_that_was_overtaken(self, domains: Town) -> None:
        data(domains.api.post("/auth/register", ADA | {"password": "Attackers-pass-1"}), 202)
        data(domains.api.post("/auth/register", ADA), 202)

        assert not [mail for mail in domains.deliver_mails() if "/verify-email" in str(mail)]

    def test_a_link_works_once_and_for_a_day(self, domains: Town) -> None:
        data(domains.api.post("/auth/register", ADA), 202)
        token = domains.mailed_token()
        domains.clock.advance(timedelta(hours=24, minutes=1))
        refused(domains.api.post("/auth/verify-email", {"token": token}), 422, "VERIFICATION_TOKEN_INVALID")

        domains.clock.advance(timedelta(hours=-2))
        data(domains.api.post("/auth/verify-email", {"token": token}))
        refused(domains.api.post("/auth/verify-email", {"token": token}), 422, "VERIFICATION_TOKEN_INVALID")

    @pytest.mark.parametrize("token", ["", "nonsense", "é" * 43, "A" * 43, "A" * 1024])
    def test_what_nobody_mailed_verifies_nothing(self, domains: Town, token: str) -> None:
        refused(domains.api.post("/auth/verify-email", {"token": token}), 422, "VERIFICATION_TOKEN_INVALID")

    def test_the_mail_can_be_sent_again_three_times(self, domains: Town) -> None:
        data(domains.api.post("/auth/register", ADA), 202)
        for _ in range(5):
            data(domains.api.post("/auth/verify-email/resend", {"email": "ADA@example.org"}), 202)

        mails = domains.deliver_mails()

        assert len(mails) == 3
        assert len({token_in(mail) for mail in mails}) == 3
        data(domains.api.post("/auth/verify-email", {"token": token_in(mails[0])}))
        refused(
            domains.api.post("/auth/verify-email", {"token": token_in(mails[2])}), 422, "VERIFICATION_TOKEN_INVALID"
        )

    def test_nobody_else_gets_one(self, domains: Town) -> None:
        domains.people.make(email="bea@example.org", email_verified_at=domains.clock.now())
        for email in ("bea@example.org", "nobody@example.org", "not an email"):
            assert data(domains.api.post("/auth/verify-email/resend", {"email": email}), 202) == {}

        assert domains.deliver_mails() == []

    def test_tokens_are_in_no_table_and_no_event(self, domains: Town) -> None:
        data(domains.api.post("/auth/register", ADA), 202)
        token = domains.mailed_token()

        with domains.transaction() as session:
            rows = session.scalars(select(EmailVerification)).all()
            events = session.scalars(select(Outbox)).all()
        assert [len(row.token_hash) for row in rows] == [32]
        assert all(token not in str(event.payload) and PASSWORD not in str(event.payload) for event in events)


def test_where_registration_is_closed_nobody_registers(make_town: Callable[..., Town]) -> None:
    refused(make_town(registration=Registration.CLOSED).api.post("/auth/register", ADA), 403, "FORBIDDEN")


@pytest.mark.parametrize(
    "email", ["x,victim@example.org", "<x>@example.org", 'a"b@example.org', "a;b@example.org", "a\\b@example.org"]
)
def test_an_email_cannot_hold_two_addresses(town: Town, email: str) -> None:
    refused(town.api.post("/auth/register", ADA | {"email": email}), 422, "VALIDATION_ERROR")
