"""Decisions about passwords and refresh tokens."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.auth.domain import (
    GRACE,
    SECRET_BYTES,
    MailedSecret,
    RefreshToken,
    RefreshVerdict,
    SessionState,
    judge_refresh,
    password_problems,
    read_mailed_secret,
    read_refresh_token,
    repeated_successor,
)
from luna_web.auth.passwords import common_passwords

KEY = b"k" * 32
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SESSION = uuid4()


def problems(password: str) -> tuple[str, ...]:
    return password_problems(password, "ada.lovelace@example.org", common_passwords())


class TestPasswords:
    @pytest.mark.parametrize(
        "password", ["Correct-horse-battery-9", "пароль-для-книг-7", "8 cats & a dog", "a1! " * 32]
    )
    def test_a_good_one(self, password: str) -> None:
        assert problems(password) == ()

    @pytest.mark.parametrize(
        ("password", "problem"),
        [
            ("aB3$", "must have 8 to 128 characters"),
            ("a1!" * 43, "must have 8 to 128 characters"),
            ("12345678!", "must have a letter"),
            ("abcdefgh!", "must have a digit"),
            ("abcdefg1", "must have a character that is neither letter nor digit"),
            ("Ada.Lovelace@Example.org", "must not be the email"),
            ("password123!", "is among the commonest passwords"),
            ("P@ssw0rd!", "is among the commonest passwords"),
            ("Welcome1!", "is among the commonest passwords"),
            ("qwerty123$", "is among the commonest passwords"),
        ],
    )
    def test_what_is_wrong_is_said(self, password: str, problem: str) -> None:
        assert problem in problems(password)

    @pytest.mark.parametrize(
        "password", ["Library-2026!", "L1brary2026!", "99-Librarian-99", "Robots!2", "Luna2026#", "!Adm1n!007"]
    )
    def test_words_of_the_library_are_no_passwords(self, password: str) -> None:
        assert "must not be a word of the library with decoration" in problems(password)

    @given(st.text())
    def test_any_text_gets_an_answer(self, password: str) -> None:
        assert isinstance(problems(password), tuple)


def token(secret: bytes = b"s" * SECRET_BYTES, session_id: UUID = SESSION) -> RefreshToken:
    return RefreshToken(session_id, secret)


class TestRefreshTokens:
    @given(st.uuids(), st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES))
    def test_a_token_reads_back(self, session_id: UUID, secret: bytes) -> None:
        made = token(secret, session_id)

        assert read_refresh_token(made.text(KEY), [KEY]) == made

    @given(st.text())
    def test_what_nobody_issued_reads_as_nothing(self, text: str) -> None:
        assert read_refresh_token(text, [KEY]) is None

    @given(st.integers(0, 85), st.integers(1, 63))
    def test_a_changed_character_breaks_the_seal(self, place: int, by: int) -> None:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        text = token().text(KEY)
        place %= len(text) - 1
        other = alphabet[(alphabet.index(text[place]) + by) % 64]

        assert read_refresh_token(text[:place] + other + text[place + 1 :], [KEY]) is None

    def test_another_key_did_not_seal_it(self) -> None:
        assert read_refresh_token(token().text(KEY), [b"x" * 32]) is None

    def test_the_same_token_always_has_the_same_successor_and_no_other_has_it(self) -> None:
        follower = token().successor(KEY)

        assert follower == token().successor(KEY)
        assert follower != token().successor(b"x" * 32)
        assert len({token().digest(), follower.digest(), follower.successor(KEY).digest()}) == 3


class TestKeysInTurn:
    def test_a_token_of_an_older_key_is_read(self) -> None:
        assert read_refresh_token(token().text(KEY), [b"x" * 32, KEY]) == token()

    def test_the_successor_that_was_handed_out_is_found_by_whichever_key_derived_it(self) -> None:
        follower = token().successor(KEY)
        state = SessionState(follower.digest(), token().digest(), NOW, NOW + timedelta(days=1), revoked=False)

        assert repeated_successor(token(), state, [b"x" * 32, KEY]) == follower
        assert repeated_successor(token(), state, [b"x" * 32]) is None


class TestMailedSecrets:
    @given(st.uuids(), st.uuids())
    def test_the_same_wish_derives_the_same_token(self, event_id: UUID, user_id: UUID) -> None:
        made = MailedSecret.derive(KEY, event_id, user_id)

        assert made == MailedSecret.derive(KEY, event_id, user_id)
        assert made != MailedSecret.derive(b"x" * 32, event_id, user_id)
        assert read_mailed_secret(made.text()) == made
        assert made.secret not in made.digest()

    @given(st.text())
    def test_any_text_gets_an_answer(self, text: str) -> None:
        found = read_mailed_secret(text)

        assert found is None or len(found.secret) == SECRET_BYTES


class TestJudgement:
    def state(
        self, *, rotated: timedelta | None = None, revoked: bool = False, left: timedelta = timedelta(days=7)
    ) -> SessionState:
        """A session whose current token is the second if it was rotated so long ago, else the first."""
        first, second = token(), token().successor(KEY)
        if rotated is None:
            return SessionState(first.digest(), None, None, NOW + left, revoked)
        return SessionState(second.digest(), first.digest(), NOW - rotated, NOW + left, revoked)

    def test_the_current_token_rotates(self) -> None:
        assert judge_refresh(self.state(), token().digest(), NOW) is RefreshVerdict.ROTATE

    def test_the_one_before_gets_the_same_successor_for_ten_seconds(self) -> None:
        assert judge_refresh(self.state(rotated=GRACE), token().digest(), NOW) is RefreshVerdict.REPEAT

    def test_after_that_it_is_reuse(self) -> None:
        late = self.state(rotated=GRACE + timedelta(milliseconds=1))

        assert judge_refresh(late, token().digest(), NOW) is RefreshVerdict.REUSED

    def test_once_its_successor_was_used_it_is_reuse_at_once(self) -> None:
        second = token().successor(KEY)
        third = second.successor(KEY)
        state = SessionState(third.digest(), second.digest(), NOW, NOW + timedelta(days=1), revoked=False)

        assert judge_refresh(state, token().digest(), NOW) is RefreshVerdict.REUSED

    @pytest.mark.parametrize("ended", [{"revoked": True}, {"left": timedelta(0)}])
    def test_nothing_refreshes_an_ended_session(self, ended: dict[str, object]) -> None:
        state = self.state(**ended)  # type: ignore[arg-type]

        assert judge_refresh(state, token().digest(), NOW) is RefreshVerdict.ENDED
