"""ISBNs: read in any spelling, stored as 13 digits, shown with hyphens (ISO 2108)."""

import re

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
    from stdnum import isbn as ranges

    return str(ranges.format(isbn13))
