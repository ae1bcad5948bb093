"""The words of mails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from luna_web.auth import mails
from luna_web.auth.mails import Words, lasting
from luna_web.auth.schemas import Email
from luna_web.shared.config import Settings
from luna_web.shared.ids import new_id
from luna_web.shared.mail import Mail, composed

EMAIL = TypeAdapter(Email)
ALL = [words for words in vars(mails).values() if isinstance(words, Words)]


@pytest.mark.parametrize("words", ALL, ids=lambda words: words.subject)
def test_every_mail_can_be_filled_and_signs(words: Words) -> None:
    text = words.filled(link="https://x", valid="30 minutes", address="https://y")

    assert text.startswith("Hello,\n") and "$" not in text
    assert text.endswith(mails.SIGNATURE)


@pytest.mark.parametrize(("seconds", "words"), [(1800, "30 minutes"), (3600, "60 minutes"), (86_400, "24 hours")])
def test_spans_are_said_as_people_say_them(seconds: int, words: str) -> None:
    assert lasting(seconds) == words


@given(st.one_of(st.emails(), st.text(min_size=3, max_size=80)), st.text(max_size=50))
def test_no_address_and_no_name_becomes_a_header_or_a_second_address(address: str, name: str) -> None:
    try:
        email = EMAIL.validate_python(address)
    except ValidationError:
        return
    mail = Mail(new_id(), email, "Hello", name)

    message = composed(mail, Settings(_env_file=None))

    assert len(message["To"].addresses) == 1
    assert set(message.keys()) == {
        "From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding",
        "MIME-Version",
    }  # fmt: skip
    message.as_bytes()
