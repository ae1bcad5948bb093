"""A row of a table (CSV, XLSX, JSON Lines) as a title, by the headers in `fields.TABLE`."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from luna_web.book.imports.describing import MAX_COPIES, settled, shown, storable, wrong_isbns
from luna_web.book.imports.domain import NO_WISH, Barcoded, CopyWish, Described, FileFault, Rejected, Remark
from luna_web.book.imports.fields import IGNORE, NAMES, field_of_header, header_key
from luna_web.book.imports.languages import language_code
from luna_web.book.isbn_text import read_isbns, with_lost_zeros
from luna_web.book.marc import CatalogRecord, clean
from luna_web.book.years import read_year

_SEVERAL = re.compile(r"[;|,\n]+")
_ISBNS = re.compile(r"[;|,\n/]+|\s{2,}|(?<=[\dXx])\s+(?=97[89])")
_LIST_MARK = "\n"
_LINE_END = re.compile(r"\r\n|\r|\n")
MANY = frozenset({IGNORE, "isbn", "barcode"})
"""What several columns may give."""
MAX_URL = 2000


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column gives which field; `unknown` give none, `ignored` were told to."""

    names: tuple[str, ...]
    fields: tuple[str | None, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(name for name, field in zip(self.names, self.fields, strict=True) if field is None)


def columns_of(headers: Sequence[str], mapping: Mapping[str, str]) -> Columns:
    """The fields of these columns: by `mapping` first, then by their names.

    Raises FileFault if none gives the title, a name is no text, a mapped column is not there, or two were mapped to
    one field. A mapped column goes before one of the field's name; of two columns of one name the first is taken.
    """
    names = tuple(clean(_storable_name(header)) for header in headers)
    told = {header_key(column): field for column, field in mapping.items()}
    missing = sorted(column for column in mapping if header_key(column) not in {header_key(name) for name in names})
    if missing:
        raise FileFault(f"there is no column {missing[0]!r}; {_list_of(names)}")
    if twice := [field for field, number in Counter(told.values()).items() if number > 1 and field not in MANY]:
        raise FileFault(f"more than one column is mapped to {twice[0]!r}; say - for those to leave out")
    fields: list[str | None] = [told.get(header_key(name)) or field_of_header(name) for name in names]
    seen: set[str] = set()
    for place, field in enumerate(fields):
        if field is None or field in MANY:
            continue
        if field in seen or (field in told.values() and header_key(names[place]) not in told):
            fields[place] = IGNORE
        else:
            seen.add(field)
    if "title" not in fields:
        raise FileFault(f"no column gives the title; {_list_of(names)}. Say which one it is: ?mapping=COLUMN:title")
    return Columns(names, tuple(fields))


def _storable_name(header: str) -> str:
    try:
        return storable(header, None)
    except Rejected as refused:
        raise FileFault(f"the header {refused.remark.value!r} {refused.remark.reason}") from None


def _list_of(names: Sequence[str]) -> str:
    some = ", ".join(repr(name[:40]) for name in names[:20])
    return f"the columns are {some}" + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")


def mapping_faults(mapping: Mapping[str, str]) -> list[str]:
    """What is wrong with a mapping before any file is seen."""
    wrong = sorted({field for field in mapping.values() if field not in NAMES and field != IGNORE})
    return [f"{field!r} is no field; the fields are {', '.join(NAMES)}, or - to leave a column out" for field in wrong]


def describe_row(cells: Mapping[str, str], latest_year: int) -> Described:
    """The title that a row describes. `cells` are its texts by field. Raises Rejected."""
    told = {field: clean_cell(text, field) for field, text in cells.items() if text}
    remarks: list[Remark] = []
    isbns = read_isbns(with_lost_zeros(part.strip()) for part in _ISBNS.split(told.get("isbn", "")) if part.strip())
    remarks += wrong_isbns(isbns.wrong)
    book = CatalogRecord(
        title=_title(told),
        title_romanized=told.get("title_romanized"),
        author=told.get("author", "").replace(_LIST_MARK, "; ") or None,
        author_romanized=told.get("author_romanized"),
        isbn13=isbns.first,
        isbn_given=isbns.given,
        isbns_other=isbns.others,
        isbns_invalid=isbns.wrong,
        control_number=told.get("control_number"),
        publisher=told.get("publisher"),
        publication_year=_year(told.get("publication_year"), remarks),
        description=told.get("description"),
        language=_language(told.get("language"), remarks),
        call_number=told.get("call_number"),
        cover_image_url=_url(told.get("cover_image_url"), remarks),
    )
    return settled(book, _copies(told), remarks, latest_year)


def clean_cell(text: str, field: str) -> str:
    """A cell's text as it is stored; lists keep a line break between their parts, descriptions between their lines."""
    if text.isascii() and text.isprintable():
        return clean(text)  # one line of nothing that could not be stored
    storable(text, field)
    if field == "description":
        return "\n".join(map(clean, _LINE_END.split(text))).strip()
    if field in _LISTS and _LIST_MARK in text:
        return _LIST_MARK.join(filter(None, map(clean, text.split(_LIST_MARK))))
    return clean(text)


_LISTS = frozenset({"isbn", "barcode", "author"})


def _title(told: Mapping[str, str]) -> str:
    title = told.get("title")
    if not title:
        raise Rejected("title", "there is no title")
    return f"{title}: {told['subtitle']}" if told.get("subtitle") else title


def _year(text: str | None, remarks: list[Remark]) -> int | None:
    if text is None:
        return None
    year = read_year(text)
    if year is None:
        remarks.append(Remark("publication_year", "no year can be read from this", shown(text)))
    return year


def _language(text: str | None, remarks: list[Remark]) -> str | None:
    if text is None:
        return None
    code = language_code(text)
    if code is None:
        remarks.append(Remark("language", "is no language code such as eng or en", shown(text)))
    return code


def _url(text: str | None, remarks: list[Remark]) -> str | None:
    if text is None or (text.startswith(("http://", "https://")) and len(text) <= MAX_URL and " " not in text):
        return text
    remarks.append(Remark("cover_image_url", f"is no http address of up to {MAX_URL:,} characters", shown(text)))
    return None


def _copies(told: Mapping[str, str]) -> CopyWish:
    """A shelf alone stands for one copy: it would make no sense otherwise."""
    shelf, count = told.get("shelf_location"), _count(told.get("copies"))
    barcodes = [part.strip() for part in _SEVERAL.split(told.get("barcode", "")) if part.strip()]
    if not barcodes and shelf is None and count is None:
        return NO_WISH
    if count is None:
        count = 0 if barcodes else 1
    return CopyWish(tuple(Barcoded(barcode, shelf) for barcode in barcodes), count, shelf)


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    bare = text.removesuffix(".0")
    if not (bare.isascii() and bare.isdigit()) or len(bare) > 3:
        raise Rejected("copies", f"must be a whole number from 0 to {MAX_COPIES}", shown(text))
    return int(bare)
