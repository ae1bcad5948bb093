"""Device tokens."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.auth.devices import Device, folded, read_device

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
KEY, OTHER = b"k" * 32, b"o" * 32
END = int((NOW + timedelta(days=1)).timestamp())
ADA = UUID(int=7)


@given(st.binary(min_size=16, max_size=16), st.uuids())
def test_a_token_reads_back_with_its_account(device_id: bytes, user_id: UUID) -> None:
    device = Device(device_id, user_id, END)

    assert read_device(device.text(KEY), [OTHER, KEY], NOW) == device


@pytest.mark.parametrize(("keys", "now"), [([OTHER], NOW), ([], NOW), ([KEY], NOW + timedelta(days=1))])
def test_by_another_key_or_too_late_it_is_none(keys: list[bytes], now: datetime) -> None:
    assert read_device(Device(b"d" * 16, ADA, END).text(KEY), keys, now) is None


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert read_device(text, [KEY], NOW) is None


@given(st.integers(0, 73), st.integers(1, 63))
def test_a_changed_character_breaks_the_seal(place: int, by: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = Device(b"d" * 16, ADA, END).text(KEY)
    other = alphabet[(alphabet.index(text[place]) + by) % 64]

    assert read_device(text[:place] + other + text[place + 1 :], [KEY], NOW) is None


@pytest.mark.parametrize(("given_as", "same_as"), [
    (" ADA@Example.ORG ", "ada@example.org"),
    ("İris@example.org", "iris@example.org"),
    ("\u212aim@example.org", "kim@example.org"),
    ("ΝΙΚΟΣ@example.org", "νικοσ@example.org"),
])  # fmt: skip
def test_spellings_that_the_database_takes_for_one_count_as_one(given_as: str, same_as: str) -> None:
    assert folded(given_as) == same_as
