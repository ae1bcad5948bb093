"""ISBNs, against the python-stdnum library as an oracle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import isbn as oracle

from luna_web.book.isbn import check_digit, hyphenated, parse_isbn

digits = st.text("0123456789", min_size=9, max_size=9)


@given(st.sampled_from(["978", "979"]), digits)
def test_a_right_isbn_13_is_taken(prefix: str, body: str) -> None:
    isbn = prefix + body + check_digit(prefix + body)

    assert parse_isbn(isbn) == isbn
    assert oracle.is_valid(isbn)


@given(st.text("0123456789X", min_size=10, max_size=10))
def test_an_isbn_10_is_taken_where_the_oracle_takes_it(isbn: str) -> None:
    expected = oracle.to_isbn13(isbn) if oracle.is_valid(isbn) else None

    assert parse_isbn(isbn) == expected


@given(st.text(max_size=30))
def test_any_text_gets_an_answer(text: str) -> None:
    assert parse_isbn(text) is None or oracle.is_valid(parse_isbn(text) or "")


@pytest.mark.parametrize(
    "spelling", ["0-8044-2957-x", "080442957X", "978 0 8044 2957 3", "ISBN 978-0-8044-2957-3", "978‐0‐8044‐2957‐3"]
)
def test_spellings_of_one_isbn(spelling: str) -> None:
    assert parse_isbn(spelling) == "9780804429573"


@pytest.mark.parametrize("text", ["", "9780804429574", "08044295X7", "1234567890123", "٩٧٨٠٨٠٤٤٢٩٥٧٣", "978080442957"])
def test_what_is_none(text: str) -> None:
    assert parse_isbn(text) is None


def test_it_is_shown_with_hyphens() -> None:
    assert hyphenated("9780441172719") == "978-0-441-17271-9"


@settings(max_examples=300)
@given(st.sampled_from(["978", "979", "9780", "9781", "97888", "978999", "97910", "9798"]), digits)
def test_hyphens_stand_where_the_oracle_has_them(prefix: str, rest: str) -> None:
    body = (prefix + rest)[:12]
    isbn = body + check_digit(body)

    assert hyphenated(isbn) == oracle.format(isbn)
