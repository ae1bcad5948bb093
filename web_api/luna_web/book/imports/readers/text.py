"""In which encoding a text file is, and what separates its columns: found out from its beginning."""

import codecs
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from luna_web.book.imports.domain import FileFault
from luna_web.book.imports.fields import field_of_header, header_key
from luna_web.book.imports.readers.guessing import guessed_encoding

SAMPLE = 1 << 18
"""Bytes of a file that are looked at."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SEPARATORS = (",", ";", "\t", "|", "^")
NAMED_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "caret": "^", "\\t": "\t"}
_LINES_LOOKED_AT = 40


def encoding_of(sample: bytes, told: str | None) -> str:
    """The name of a codec: the one told, that of a byte order mark, UTF-8 if it can be, else the likeliest.

    Raises FileFault if there is no codec of the name told, or none fits.
    """
    marked = next((name for mark, name in _BOMS if sample.startswith(mark)), None)
    if told:
        return _named(told, marked)
    if marked:
        return marked
    if _is_utf8(sample):
        return "utf-8"
    return _utf16_without_mark(sample) or guessed_encoding(sample)


def _named(told: str, marked: str | None) -> str:
    codec = text_codec(told)
    if codec is None:
        raise FileFault(f"there is no text encoding {told!r}; name one such as utf-8, cp1252 or iso-8859-2")
    return "utf-8-sig" if codec == "utf-8" and marked == "utf-8-sig" else codec


def text_codec(name: str) -> str | None:
    """The codec of this name; None if there is none for text."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    return found.name if getattr(found, "_is_text_encoding", True) and found.name not in _NO_FILES else None


_NO_FILES = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})


def _is_utf8(sample: bytes) -> bool:
    """Also when the sample ends in the middle of a character."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return b"\x00" not in sample[:4096] or sample[:4096].count(b"\x00") < len(sample[:4096]) // 4


def _utf16_without_mark(sample: bytes) -> str | None:
    head = sample[:4096]
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if zeros.count(0) > len(zeros) * 0.7:
            return name
    return None


@dataclass(frozen=True, slots=True)
class Sheet:
    """How a text is a table. `skip`: lines before the header that say something else (`sep=;`)."""

    separator: str
    skip: int = 0


def sheet_of(text: str, told: str | None, mapping: Mapping[str, str]) -> Sheet:
    """The separator told, that of an Excel mark, or the one whose columns make the most sense. Raises FileFault."""
    lines = text.splitlines(keepends=True)
    first = lines[0].strip().casefold() if lines else ""
    marked = first[4:] or "\t" if first.startswith("sep=") else None
    skip = 1 if marked else 0
    if told:
        return Sheet(separator_named(told), skip)
    if marked and len(marked) == 1:
        return Sheet(marked, skip)
    wanted = {header_key(column) for column in mapping}
    return Sheet(max(SEPARATORS, key=lambda one: _sense(lines[:_LINES_LOOKED_AT], one, wanted)))


def separator_named(told: str) -> str:
    """One character, or its name. Raises FileFault."""
    separator = NAMED_SEPARATORS.get(told.casefold(), told)
    if len(separator) != 1 or separator in '"\r\n\x00':
        raise FileFault(f"{told!r} separates no columns; give one character, or {', '.join(sorted(NAMED_SEPARATORS))}")
    return separator


def _sense(lines: Sequence[str], separator: str, wanted: set[str]) -> tuple[int, float, int]:
    """(known headers, share of rows as wide as the header, width): the more, the better."""
    csv.field_size_limit(1 << 17)
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return 0, 0.0, 0
    if not rows or len(rows[0]) < 2:
        return _known(rows[0] if rows else [], wanted), 0.0, 0
    alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
    return _known(rows[0], wanted), alike, len(rows[0])


def _known(headers: Sequence[str], wanted: set[str]) -> int:
    return sum(field_of_header(header) is not None or header_key(header) in wanted for header in headers)
