"""MARC 21 in the exchange format (ISO 2709), also where its lengths and directory are wrong.

A record ends with the record terminator, whatever its leader says: that is what files out in the world agree on. The
directory is used where it fits the data; where it does not, but names as many fields as there are, they are taken in
their order. So records of more than 99,999 bytes are read too, which the five digits of a leader cannot say.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from pymarc import Field, Indicators, Leader, Record, Subfield
from pymarc.marc8 import marc8_to_unicode

from luna_web.book.imports.bibliographic import TAGS, describe_record, refusal_of_leader
from luna_web.book.imports.describing import shown
from luna_web.book.imports.domain import Described, Detected, FileFault, ImportOptions, Problem, Rejected
from luna_web.book.imports.readers.base import Item, Unreadable
from luna_web.book.imports.readers.text import text_codec

MAX_RECORD = 1 << 20
BLOCK = 1 << 16
RECORD_END, FIELD_END, SUBFIELD = b"\x1d", b"\x1e", b"\x1f"
LEADER, ENTRY = 24, 12
MARC_8 = "marc-8"
_BETWEEN = b"\r\n\t\x00\x1a"
_BOM = b"\xef\xbb\xbf"


class MarcReader:
    def __init__(self, source: BinaryIO, size: int, options: ImportOptions, latest_year: int) -> None:
        self._source, self._size, self._latest_year = source, size, latest_year
        self._codec = marc_codec(options.encoding)
        self.detected = Detected(encoding=self._codec or "as each leader says: UTF-8 or MARC-8")
        self.problems: Sequence[Problem] = ()

    def items(self) -> Iterator[Item]:
        for number, content in enumerate(frames(self._source), start=1):
            yield Item(number, None, content)

    def describe(self, content: bytes | Unreadable) -> Described:
        if isinstance(content, Unreadable):
            raise content.reject()
        return describe_record(decoded(content, self._codec), self._latest_year)

    def progress(self) -> float:
        return min(1.0, self._source.tell() / max(self._size, 1))


def marc_codec(told: str | None) -> str | None:
    """`marc-8`, a codec, or None for what each leader says. Raises FileFault."""
    if told is None:
        return None
    if told.casefold().replace("_", "-").replace(" ", "-") in ("marc8", MARC_8):
        return MARC_8
    codec = text_codec(told)
    if codec is None:
        raise FileFault(f"there is no encoding {told!r}; MARC records are in utf-8 or marc-8")
    return codec


def frames(source: BinaryIO) -> Iterator[bytes | Unreadable]:
    """The records, each with its terminator; in place of one that is too long or cut off, why."""
    rest = source.read(BLOCK).removeprefix(_BOM)
    while rest:
        *whole, rest = rest.split(RECORD_END)
        for one in whole:
            if bare := one.lstrip(_BETWEEN):
                yield bare + RECORD_END
        block = source.read(BLOCK)
        if not block:
            if rest.strip(b" " + _BETWEEN):
                yield Unreadable(None, "the file ends in the middle of this record", shown(rest[:40].decode("latin-1")))
            return
        rest += block
        if len(rest) > MAX_RECORD and RECORD_END not in rest:
            yield Unreadable(None, f"a record of more than {MAX_RECORD:,} bytes, or data that are no MARC records")
            rest = _after_the_next_end(source)


def _after_the_next_end(source: BinaryIO) -> bytes:
    while block := source.read(BLOCK):
        _, end, rest = block.partition(RECORD_END)
        if end:
            return rest or source.read(BLOCK)
    return b""


def decoded(frame: bytes, codec: str | None) -> Record:
    """The fields of a record that an import reads (`bibliographic.TAGS`). Raises Rejected."""
    leader = _leader(frame)
    codec = codec or _codec_of(frame, leader)
    record = Record()
    record.leader = Leader(leader[:10] + "22" + leader[12:20] + "4500")
    record.fields = [_field(tag, data, codec) for tag, data in _fields(frame) if tag in TAGS]
    return record


def _leader(frame: bytes) -> str:
    leader = frame[:LEADER].decode("latin-1")
    if len(frame) < LEADER + 2 or not leader.isascii():
        raise Rejected("leader", "is no MARC record: it has no leader of 24 characters", shown(leader))
    if refusal := refusal_of_leader(leader):
        raise Rejected(refusal.field, refusal.reason, refusal.value)
    return leader


def _codec_of(frame: bytes, leader: str) -> str:
    """UTF-8 where the leader says so, or where it does not but nothing else could look like it."""
    if leader[9] == "a" or frame.isascii():
        return "utf-8" if b"\x1b" not in frame or leader[9] == "a" else MARC_8
    try:
        frame.decode()
    except UnicodeDecodeError:
        return MARC_8
    return "utf-8"


def _fields(frame: bytes) -> list[tuple[str, bytes]]:
    """(tag, data) of each field. Raises Rejected."""
    base = frame.find(FIELD_END, LEADER) + 1
    directory = frame[LEADER : base - 1].decode("latin-1")
    if not base or not directory or len(directory) % ENTRY:
        raise Rejected("leader", "the directory is broken: its entries have 12 characters each", shown(directory[-40:]))
    entries = [directory[start : start + ENTRY] for start in range(0, len(directory), ENTRY)]
    if not all(tag.isalnum() and tag.isascii() for tag in [entry[:3] for entry in entries]):
        raise Rejected("leader", "the directory names fields that cannot be", shown(directory[:40]))
    return _as_laid_out(frame, base, entries) or _by_directory(frame, base, entries) or _by_order(frame, base, entries)


def _as_laid_out(frame: bytes, base: int, entries: Sequence[str]) -> list[tuple[str, bytes]] | None:
    """None unless the fields lie one behind the other, each as long as the directory says: nearly always they do."""
    *parts, _ = frame[base:].split(FIELD_END)
    if len(parts) != len(entries):
        return None
    found, start = [], 0
    for entry, part in zip(entries, parts, strict=True):
        length = len(part) + 1
        if entry[3:] != f"{length:04}{start:05}":
            return None
        start += length
        found.append((entry[:3], part))
    return found


def _by_directory(frame: bytes, base: int, entries: Sequence[str]) -> list[tuple[str, bytes]] | None:
    """None unless every field ends where the directory says so."""
    found = []
    for entry in entries:
        numbers = entry[3:]
        if not (numbers.isascii() and numbers.isdigit()):
            return None
        start = base + int(numbers[4:])
        end = start + int(numbers[:4]) - 1
        if (
            frame[end : end + 1] != FIELD_END
            or frame.find(FIELD_END, start, end) >= 0
            or frame[start - 1 : start] != FIELD_END
        ):
            return None
        found.append((entry[:3], frame[start:end]))
    return found


def _by_order(frame: bytes, base: int, entries: Sequence[str]) -> list[tuple[str, bytes]]:
    parts = frame[base:-1].removesuffix(FIELD_END).split(FIELD_END)
    if len(parts) != len(entries):
        reason = f"the directory does not fit: it names {len(entries):,} fields, and there are {len(parts):,}"
        raise Rejected("leader", reason)
    return [(entry[:3], part) for entry, part in zip(entries, parts, strict=True)]


def _field(tag: str, data: bytes, codec: str) -> Field:
    if tag < "010":
        return Field(tag, data=_text(data, tag, codec))
    if _is_plain(data):
        marks, *texts = data.decode("ascii").split("\x1f")
        indicators = Indicators(*marks.ljust(2)[:2])
        return Field(tag, indicators, [Subfield(text[0], text[1:]) for text in texts if text])
    before, *parts = data.split(SUBFIELD)
    marks = before.decode("latin-1").ljust(2)
    return Field(
        tag,
        Indicators(marks[0], marks[1]),
        [Subfield(chr(part[0]), _text(part[1:], tag, codec)) for part in parts if part],
    )


def _is_plain(data: bytes) -> bool:
    """Whether these bytes are the same text in each encoding."""
    return data.isascii() and b"\x1b" not in data


def _text(data: bytes, tag: str, codec: str) -> str:
    if _is_plain(data):
        return data.decode("ascii")
    try:
        return str(marc8_to_unicode(data, True)) if codec == MARC_8 else data.decode(codec)
    except UnicodeDecodeError:
        hint = "; if the leader is wrong, say ?encoding=marc-8" if codec == "utf-8" else ""
        raise Rejected(
            tag, f"is not in {codec.upper()}, as it should be{hint}", shown(data[:200].decode("latin-1"))
        ) from None
