"""What both kinds of record share: texts that can be stored and fit, years that can be, barcodes and shelves."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from luna_web.book.imports.domain import NO_WISH, Barcoded, CopyWish, Described, Rejected, Remark
from luna_web.book.marc import LIMITS, CatalogRecord, fitted

MAX_SHELF = 100
MAX_COPIES = 999
MAX_CONTROL_NUMBER = 100
SHOWN = 200
"""Characters of a value that a remark shows."""
_BARCODE = re.compile(r"[A-Za-z0-9-]{3,32}")
_NO_BARCODE = "is no barcode, which has 3 to 32 letters, digits or hyphens; this copy was left out"


def settled(book: CatalogRecord, copies: CopyWish, remarks: Sequence[Remark], latest_year: int) -> Described:
    """The record as it can be stored, with a remark for whatever had to give way. Raises Rejected."""
    found = list(remarks)
    control_number = book.control_number
    if control_number and len(control_number) > MAX_CONTROL_NUMBER:
        raise Rejected("control_number", f"longer than {MAX_CONTROL_NUMBER} characters", shown(control_number))
    if book.publication_year is not None and book.publication_year > latest_year:
        found.append(Remark("publication_year", "lies in the future", str(book.publication_year)))
        book = replace(book, publication_year=None)
    if cut := list(_cut(book)):
        found += cut
        book = fitted(book)
    wish, refused = _settled_copies(copies)
    return Described(book, wish, (*found, *refused))


_limited = attrgetter(*LIMITS)


def _cut(book: CatalogRecord) -> Iterator[Remark]:
    for (name, limit), text in zip(LIMITS.items(), _limited(book), strict=True):
        if text and len(text) > limit:
            yield Remark(name, f"cut from {len(text):,} to {limit:,} characters", shown(text))


def _settled_copies(copies: CopyWish) -> tuple[CopyWish, list[Remark]]:
    if copies is NO_WISH:
        return copies, []
    remarks: list[Remark] = []
    named: dict[str, Barcoded] = {}
    for copy in copies.named:
        if _BARCODE.fullmatch(copy.barcode):
            named.setdefault(copy.barcode, replace(copy, shelf=_fitting_shelf(copy.shelf, remarks)))
        else:
            remarks.append(Remark("barcode", _NO_BARCODE, shown(copy.barcode)))
    return CopyWish(tuple(named.values()), copies.count, _fitting_shelf(copies.shelf, remarks)), remarks


def _fitting_shelf(shelf: str | None, remarks: list[Remark]) -> str | None:
    if shelf and len(shelf) > MAX_SHELF:
        remark = Remark("shelf_location", f"cut to {MAX_SHELF} characters", shown(shelf))
        if remark not in remarks:
            remarks.append(remark)
        return shelf[:MAX_SHELF]
    return shelf


def wrong_isbns(values: Sequence[str]) -> list[Remark]:
    """An ISBN that is none is kept with the title, apart from the right ones."""
    return [Remark("isbn", _why_wrong(value), shown(value)) for value in values]


def _why_wrong(value: str) -> str:
    digits = re.sub(r"[\s-]", "", value)
    if re.fullmatch(r"\d[.,]\d+[eE]\+?\d+", digits):
        return "a spreadsheet rounded this ISBN; format its column as text"
    if re.fullmatch(r"\d{9}[\dXx]|\d{13}", digits):
        return "the check digit is wrong; kept apart"
    return "is no ISBN, which has 10 or 13 digits; kept apart"


def shown(value: str) -> str:
    """What a remark shows of a value: its beginning, in characters that a table can hold."""
    printable = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value[:SHOWN])
    return printable if len(value) <= SHOWN else printable[: SHOWN - 1] + "…"


def storable(text: str, field: str | None) -> str:
    """The same text; Rejected if it holds what is no text: NUL, or bytes of another encoding."""
    if text.isascii():
        if "\x00" in text:
            raise Rejected(field, "contains NUL characters; the file is damaged or no text file", shown(text))
        return text
    if "\x00" in text:
        raise Rejected(field, "contains NUL characters; the file is damaged or no text file", shown(text))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Rejected(field, "contains bytes that are no text in the encoding of the file", shown(text)) from None
    return text
