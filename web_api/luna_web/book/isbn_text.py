"""ISBNs as catalogues write them: with qualifiers, prices, several at once, some of them wrong."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from luna_web.book.isbn import parse_isbn

_LABEL = re.compile(r"^isbn(?:[-\s]?1[03](?=[\s:]))?[\s:]*", re.IGNORECASE)
_END = re.compile(r"[(:;,/\[]")
_PARTED = re.compile(r"[\s\-\u2010-\u2015]")
_SPREADSHEET_LOST_ZEROS = re.compile(r"\d{8}[\dXx]|\d{7}[\dXx]")


@dataclass(frozen=True, slots=True)
class Isbns:
    """`first`: the 13 digits of the first right one; `given`: as it was written; `others`: the further right ones."""

    first: str | None = None
    given: str | None = None
    others: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def isbn_text(value: str) -> str:
    """The number alone: without a label before it, and without `(pbk.)`, prices and whatever else follows it."""
    if len(value) == 13 and value.isdigit():
        return value
    bare = _END.split(_LABEL.sub("", value.strip()), maxsplit=1)[0].strip()
    return bare if parse_isbn(bare) else bare.split(" ", 1)[0]


def read_isbns(values: Iterable[str]) -> Isbns:
    """The ISBNs of these texts, one in each. Nothing in it comes twice."""
    right: dict[str, str] = {}
    wrong: dict[str, None] = {}
    for value in values:
        text = isbn_text(value)
        isbn13 = parse_isbn(text)
        if isbn13:
            right.setdefault(isbn13, text)
        elif text:
            wrong.setdefault(text)
    if not right:
        return Isbns(wrong=tuple(wrong))
    first, *others = right
    return Isbns(first, right[first], tuple(others), tuple(wrong))


def with_lost_zeros(value: str) -> str:
    """An ISBN-10 whose leading zeros a spreadsheet took for those of a number, if that makes it a right one."""
    if len(value) == 13 and value.isdigit():
        return value
    digits = _PARTED.sub("", value)
    if _SPREADSHEET_LOST_ZEROS.fullmatch(digits) and parse_isbn(digits.zfill(10)):
        return digits.zfill(10)
    return value
