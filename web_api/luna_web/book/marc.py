"""A MARC 21 bibliographic record as a title of our catalog.

| field | becomes |
|---|---|
| 001 | `control_number` |
| 245 $a $b $n $p | `title`: ISBD punctuation trimmed, `a: b`; a parallel title ($b after ` =`) is left out |
| 880 linked to 245 | `title` in its own script; the 245 itself becomes `title_romanized` |
| 880 that says 245 and is linked to nothing (`245-00`) | `title`, where there is no 245 |
| 100 $a, else 110 $a $b, 111 $a, else the first 700, 710 | `author`, inverted, without dates and roles |
| 880 linked to that field | `author` in its own script; the field itself becomes `author_romanized` |
| 020 $a | `isbn13`: the first with a right check digit; `isbn_given` as found; further ones in `isbns_other` |
| 020 $z, and $a with a wrong check digit | `isbns_invalid` |
| 264 (second indicator 1) or 260, $b | `publisher`, in the script of the title where an 880 gives it |
| 008/07-10, else 264 or 260 $c (see `years`) | `publication_year` |
| 008/35-37 | `language` (MARC code) |
| 520 $a $b | `description` |
| 050, else 090, else 082 | `call_number` |

Punctuation and linking: MARC 21 Format for Bibliographic Data, Appendix A (880) and ISBD.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

from pymarc import Field, Record

from luna_web.book.isbn import parse_isbn
from luna_web.book.isbn_text import isbn_text, read_isbns
from luna_web.book.years import read_year

_SPACES = re.compile(r"\s+")
_BIDI_AND_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_ISBD = " /:;,=\u060c\u061b\uff0c\uff0e\uff1a\uff1b\uff0f"
"""What separates a text from what follows; of spaces only this one is left where `clean` went."""
_ABBREVIATION = re.compile(r"(?:^|[\s.(-])(?:[^\W\d_]|Jr|Sr|etc|ed|vol|Inc|Ltd|Co|Corp|Dept|\.\.)\.$", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(1[0-9]{3}|20[0-9]{2})(?!\d)")
_NO_PUBLISHER = re.compile(r"^\W*(?:s\.\s*n\.?|publisher not identified|n\.\s*pub\.?)\W*$", re.IGNORECASE)
_NOT_A_LANGUAGE = frozenset({"und", "zxx", "mul", "   ", "|||"})
LIMITS = {
    "title": 1000, "title_romanized": 1000, "author": 500, "author_romanized": 500, "publisher": 500,
    "description": 20_000, "call_number": 100,
}  # fmt: skip
"""Characters that a title has room for."""


@dataclass(frozen=True, slots=True)
class CatalogRecord:
    """A title as a catalog describes it. `title` is in the script of the book."""

    title: str
    title_romanized: str | None = None
    author: str | None = None
    author_romanized: str | None = None
    isbn13: str | None = None
    isbn_given: str | None = None
    isbns_other: tuple[str, ...] = ()
    isbns_invalid: tuple[str, ...] = ()
    control_number: str | None = None
    publisher: str | None = None
    publication_year: int | None = None
    description: str | None = None
    language: str | None = None
    call_number: str | None = None
    cover_image_url: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A record as it was read: texts in full length, and what of it could not be taken.

    `isbns_wrong` are those that the record itself holds to be right; `date` is the imprint's.
    """

    book: CatalogRecord
    isbns_wrong: tuple[str, ...] = ()
    date: str | None = None


def catalog_record(record: Record) -> CatalogRecord | None:
    """The title that a record describes, its texts cut to their limits; None if it has no title at all."""
    reading = read_record(record)
    return fitted(reading.book) if reading else None


def fitted(book: CatalogRecord) -> CatalogRecord:
    """The same with no text longer than the catalog has room for."""
    texts = {name: getattr(book, name) for name in LIMITS}
    cut = {name: text[: LIMITS[name]] for name, text in texts.items() if text and len(text) > LIMITS[name]}
    return replace(book, **cut) if cut else book


def read_record(record: Record) -> Reading | None:
    """Everything that a record says of its title; None if it has no title at all."""
    title, title_romanized = _titles(record)
    if title is None:
        return None
    author, author_romanized = _author(record)
    right = read_isbns(_isbn_values(record, "a"))
    cancelled = [isbn_text(clean(value)) for value in _isbn_values(record, "z")]
    invalid = (*right.wrong, *(text for text in cancelled if text and parse_isbn(text) is None))
    date = _imprint_date(record)
    return Reading(
        CatalogRecord(
            title=title,
            title_romanized=title_romanized,
            author=author,
            author_romanized=author_romanized,
            isbn13=right.first,
            isbn_given=right.given,
            isbns_other=right.others,
            isbns_invalid=tuple(dict.fromkeys(invalid)),
            control_number=_control_number(record),
            publisher=_publisher(record),
            publication_year=_year(record, date),
            description=_description(record),
            language=_language(record),
            call_number=_call_number(record),
        ),
        right.wrong,
        date,
    )


def clean(text: str) -> str:
    """Composed Unicode (NFC), single spaces, no control or direction marks."""
    if text.isascii() and text.isprintable():
        return _SPACES.sub(" ", text).strip() if "  " in text else text.strip()
    composed = unicodedata.normalize("NFC", text)
    return _SPACES.sub(" ", _BIDI_AND_CONTROL.sub("", composed)).strip()


def trimmed(text: str) -> str:
    """Without the ISBD punctuation that separates it from what follows, and without a full stop that ends nothing."""
    bare = clean(text).rstrip(_ISBD)
    if bare.endswith(".") and not _ABBREVIATION.search(bare):
        bare = bare[:-1].rstrip(_ISBD)
    return _unbracketed(bare)


def _unbracketed(text: str) -> str:
    """Without the square brackets of what a cataloguer supplied."""
    whole = text.startswith("[") and text.endswith("]") and text.count("[") == 1
    if whole:
        return text[1:-1].strip()
    lonely = text.count("[") != text.count("]")
    return text.replace("[", "").replace("]", "").strip() if lonely else text


def _subfields(field: Field, codes: str) -> list[tuple[str, str]]:
    return [(one.code, one.value) for one in field.subfields if one.code in codes and one.value]


def _title(field: Field | None) -> str | None:
    if field is None:
        return None
    text = before = ""
    for code, value in _subfields(field, "abnp"):
        text = _joined(text, code, trimmed(value), parallel=before.endswith("="))
        before = clean(value)
    return text or None


def _joined(text: str, code: str, part: str, *, parallel: bool) -> str:
    """A title with its next part: `a: b`, `a. n. p`."""
    if not text or not part:
        return text or part
    if code == "b":
        return text if parallel else f"{text}: {part}"
    return f"{text}. {part}"


def _titles(record: Record) -> tuple[str | None, str | None]:
    """(as the book has it, transcription or None); an original script that no 245 goes with stands alone."""
    field = record.get("245")
    latin = _title(field)
    if field is None or latin is None:
        return _title(_alone(record, "245")), None
    return _in_own_script(latin, _title(_linked(record, field)))


def _alone(record: Record, tag: str) -> Field | None:
    """The 880 in place of a field that has no transcription (MARC 21, appendix A: occurrence number 00)."""
    return next((one for one in record.get_fields("880") if (one.get("6") or "").startswith(f"{tag}-00")), None)


def _linked(record: Record, field: Field) -> Field | None:
    """The 880 that gives this field in its own script."""
    link = clean(field.get("6") or "")
    if not link.startswith("880-") or link[4:6] == "00":
        return None
    wanted = f"{field.tag}-{link[4:6]}"
    return next((one for one in record.get_fields("880") if (one.get("6") or "").startswith(wanted)), None)


def _in_own_script(latin: str, original: str | None) -> tuple[str, str | None]:
    """(as the book has it, transcription or None)."""
    return (original, latin) if original and original != latin else (latin, None)


def _author(record: Record) -> tuple[str | None, str | None]:
    # With $5 a 7xx names the collection that one library keeps its copy in.
    added = [field for field in record.get_fields("700", "710") if not field.get("5")]
    field = next(iter([*record.get_fields("100", "110", "111"), *added]), None)
    latin = _name(field)
    if field is None or latin is None:
        return _name(_alone(record, "100") or _alone(record, "110")), None
    return _in_own_script(latin, _name(_linked(record, field)))


def _name(field: Field | None) -> str | None:
    if field is None:
        return None
    codes = "ab" if field.tag in ("110", "710") or (field.get("6") or "").startswith(("110", "710")) else "a"
    parts = [trimmed(value) for _, value in _subfields(field, codes)]
    return ". ".join(part for part in parts if part) or None


def _isbn_values(record: Record, code: str) -> list[str]:
    return [clean(value) for field in record.get_fields("020") for _, value in _subfields(field, code)]


def _publication(record: Record) -> Field | None:
    produced = (field for field in record.get_fields("264") if field.indicators and field.indicators[1] == "1")
    return next(produced, None) or record.get("260")


def _publisher(record: Record) -> str | None:
    field = _publication(record)
    own_script = _linked(record, field) if field else None
    for source in (own_script, field):
        for _, value in _subfields(source, "b") if source else ():
            name = trimmed(value).rstrip("]").lstrip("[")
            if name and not _NO_PUBLISHER.match(name):
                return name
    return None


def _imprint_date(record: Record) -> str | None:
    field = _publication(record)
    return clean(" ".join(value for _, value in _subfields(field, "c"))) or None if field else None


def _year(record: Record, imprint: str | None) -> int | None:
    coded = _control_field(record, "008")[7:11]
    if _YEAR.fullmatch(coded):
        return int(coded)
    return read_year(imprint) if imprint else None


def _language(record: Record) -> str | None:
    code = _control_field(record, "008")[35:38]
    return code if re.fullmatch(r"[a-z]{3}", code) and code not in _NOT_A_LANGUAGE else None


def _description(record: Record) -> str | None:
    parts = [clean(value) for field in record.get_fields("520") for _, value in _subfields(field, "ab")]
    # Each text once: records repeat their summaries.
    return " ".join(dict.fromkeys(part for part in parts if part)) or None


def _call_number(record: Record) -> str | None:
    for tag in ("050", "090", "082"):
        for field in record.get_fields(tag):
            codes = "a" if tag == "082" else "ab"
            text = clean(" ".join(_first_of_each(field, codes)))
            text = text.replace("/", "").strip("[] ") if tag == "082" else text
            if text:
                return text
    return None


def _first_of_each(field: Field, codes: str) -> list[str]:
    """A repeated $a is another number for the same book."""
    values = dict(reversed(_subfields(field, codes)))
    return [values[code] for code in codes if code in values]


def _control_number(record: Record) -> str | None:
    return clean(_control_field(record, "001")) or None


def _control_field(record: Record, tag: str) -> str:
    field = record.get(tag)
    return (field.data or "") if field is not None else ""
