"""ISBNs: read in any spelling, stored as 13 digits, shown with hyphens (ISO 2108)."""

import re
from bisect import bisect_right
from functools import cache

_MARKS = re.compile(r"[\s\-\u2010-\u2015]")
_LABEL = re.compile(r"\s*ISBN(?:[\s-]?1[03](?=[:\s]))?[:\s]*(?=[\dXx\s\-\u2010-\u2015]+$)", re.IGNORECASE)
_OF_TWELVE_ZEROS = 6 * ord("0") + 3 * 6 * ord("0")
_SHAPE = re.compile(r"97[89]\d{10}|\d{9}[\dXx]")


def parse_isbn(text: str) -> str | None:
    """The 13 digits of an ISBN-10 or ISBN-13 with a right check digit; None for anything else."""
    digits = text if _is_bare(text) else _MARKS.sub("", _LABEL.sub("", text, count=1))
    if not _SHAPE.fullmatch(digits) or not digits.isascii():
        return None
    if len(digits) == 13:
        return digits if check_digit(digits[:12]) == digits[12] else None
    if _check_digit_10(digits[:9]) != digits[9].upper():
        return None
    body = "978" + digits[:9]
    return body + check_digit(body)


def _is_bare(text: str) -> bool:
    """Whether this is digits and nothing else, as most ISBNs in files are."""
    return text.isascii() and text.isdigit()


def check_digit(body: str) -> str:
    """The last digit of an ISBN-13 from its first twelve (GS1: weights 1 and 3, modulo 10)."""
    codes = body.encode("ascii")
    total = sum(codes[::2]) + 3 * sum(codes[1::2]) - _OF_TWELVE_ZEROS
    return str(-total % 10)


def _check_digit_10(body: str) -> str:
    """The last character of an ISBN-10 from its first nine (weights 10 to 2, modulo 11)."""
    total = sum(int(digit) * (10 - place) for place, digit in enumerate(body))
    return "0123456789X"[-total % 11]


def hyphenated(isbn13: str) -> str:
    """With hyphens between its parts, where its range is known."""
    begins, ranges = _ranges()
    place = bisect_right(begins, isbn13[:12])
    last, group_ends, registrant_ends = ranges[place - 1]
    if place and isbn13[:12] <= last:
        group, registrant, item = isbn13[3:group_ends], isbn13[group_ends:registrant_ends], isbn13[registrant_ends:12]
        return f"{isbn13[:3]}-{group}-{registrant}-{item}-{isbn13[12]}"
    from stdnum import isbn

    return str(isbn.format(isbn13))


@cache
def _ranges() -> tuple[list[str], list[tuple[str, int, int]]]:
    """The ranges of registrants: the first ISBN of each; its last one, and where its group and its registrant end.

    Those of python-stdnum, in one list to be searched: the library goes through them one by one, and a page of a search
    has twenty ISBNs. What is in none of them it splits as far as can be.
    """
    from stdnum import numdb

    found = sorted(
        ((ean + group + low).ljust(12, "0"), (ean + group + high).ljust(12, "9"), 3 + digits, 3 + digits + length)
        for _, ean, _, _, groups in numdb.get("isbn").prefixes
        for digits, group, same, _, registrants in groups
        for length, low, high, _, _ in registrants
        if group == same
    )
    return [first for first, *_ in found], [(last, group, registrant) for _, last, group, registrant in found]
