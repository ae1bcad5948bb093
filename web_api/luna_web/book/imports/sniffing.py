"""What kind of file an upload is: by its first bytes, else by its name or the type it was sent with."""

import re
from pathlib import PurePosixPath

from luna_web.book.imports.domain import ImportFormat

LOOKED_AT = 4096
_LEADER = re.compile(rb"[\r\n\s]*\d{5}[ -~]{5}[ -~]{2}\d{5}[ -~]{3}[ -~]{4}[0-9A-Za-z]{3}")
_SUFFIXES = {
    ".mrc": ImportFormat.MARC, ".marc": ImportFormat.MARC, ".dat": ImportFormat.MARC, ".iso2709": ImportFormat.MARC,
    ".xml": ImportFormat.MARCXML, ".marcxml": ImportFormat.MARCXML,
    ".csv": ImportFormat.CSV, ".tsv": ImportFormat.CSV, ".tab": ImportFormat.CSV, ".txt": ImportFormat.CSV,
    ".xlsx": ImportFormat.XLSX, ".xlsm": ImportFormat.XLSX,
    ".jsonl": ImportFormat.JSONL, ".ndjson": ImportFormat.JSONL, ".json": ImportFormat.JSONL,
}  # fmt: skip
_TYPES = {
    "application/marc": ImportFormat.MARC, "application/x-marc": ImportFormat.MARC,
    "application/marcxml+xml": ImportFormat.MARCXML, "application/xml": ImportFormat.MARCXML,
    "text/xml": ImportFormat.MARCXML, "text/csv": ImportFormat.CSV, "text/tab-separated-values": ImportFormat.CSV,
    "text/plain": ImportFormat.CSV, "application/vnd.ms-excel": ImportFormat.CSV,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ImportFormat.XLSX,
    "application/x-ndjson": ImportFormat.JSONL, "application/jsonl": ImportFormat.JSONL,
    "application/jsonlines": ImportFormat.JSONL, "application/json": ImportFormat.JSONL,
}  # fmt: skip
_BINARY = (
    b"\xd0\xcf\x11\xe0",
    b"%PDF",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"Rar!",
    b"\x7fELF",
)


def format_of(head: bytes, file_name: str | None, content_type: str | None) -> ImportFormat | None:
    """What the first bytes say; where they could be several things, what the name or type says. None: nothing we take.

    Excel gives CSV files its own type, so `application/vnd.ms-excel` is what its bytes are.
    """
    known = _by_bytes(head)
    if known or head.startswith(_BINARY):
        return known
    suffix = PurePosixPath(file_name or "").suffix.casefold()
    told = _SUFFIXES.get(suffix) or _TYPES.get((content_type or "").partition(";")[0].strip().casefold())
    if told in (ImportFormat.CSV, ImportFormat.MARC):
        return told
    return told if told is ImportFormat.JSONL or told is ImportFormat.MARCXML else ImportFormat.CSV


def _by_bytes(head: bytes) -> ImportFormat | None:
    if head.startswith(b"PK\x03\x04"):
        return ImportFormat.XLSX
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _LEADER.match(bare):
        return ImportFormat.MARC
    if bare.startswith((b"<", b"\xff\xfe<\x00", b"\xfe\xff\x00<")):
        return ImportFormat.MARCXML
    return ImportFormat.JSONL if bare.startswith((b"{", b"[{")) else None
