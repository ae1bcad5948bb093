"""Keys as text, and what makes one weak."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.shared.keys import Key, KeyKind, Keys, MalformedKey, make_key, public_half, read_key


@pytest.mark.parametrize("kind", [KeyKind.HS256, KeyKind.EDDSA])
def test_a_key_reads_back(kind: KeyKind) -> None:
    key = make_key(kind)

    assert read_key(key.text()) == key
    assert read_key(key.text()).kid == key.kid


def test_a_public_half_has_the_name_of_its_key() -> None:
    key = make_key(KeyKind.EDDSA)

    assert public_half(key).kid == key.kid
    assert read_key(public_half(key).text()) == public_half(key)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with"),
        ("secret", "begins with"),
        ("none:AAAA", "begins with"),
        ("HS256:!!!é", "base64"),
        ("HS256:c2hvcnQ", "32 bytes or more"),
        ("HS256:" + "A" * 64, "repeats itself"),
        ("EdDSA:c2hvcnQ", "32 bytes"),
        ("EdDSA:" + b64encode(bytes(range(35))).decode(), "32 bytes"),
    ],
)
def test_what_is_no_key_is_told_and_not_shown(text: str, why: str) -> None:
    with pytest.raises(MalformedKey, match=why) as refused:
        read_key(text)
    assert text.partition(":")[2] not in str(refused.value) or not text.partition(":")[2]


@given(st.text(max_size=100))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        read_key(text)
    except MalformedKey:
        return


def test_a_key_does_not_show_itself() -> None:
    key = make_key(KeyKind.HS256)

    assert repr(key.raw) not in repr(key)
    assert key.text().partition(":")[2] not in repr(key)


def test_the_first_that_signs_is_the_newest() -> None:
    public, old = public_half(make_key(KeyKind.EDDSA)), make_key(KeyKind.HS256)

    assert Keys([public, old]).newest == old
    assert Keys([public, old]).named(public.kid) == public
    assert Keys([public, old]).named("another") is None
    with pytest.raises(MalformedKey):
        Keys([])


def test_each_purpose_has_a_secret_of_its_own() -> None:
    key = Key(KeyKind.HS256, bytes(range(32)))

    assert len({key.seal(b"one"), key.seal(b"two"), make_key(KeyKind.HS256).seal(b"one"), key.raw}) == 4
