"""JSON Lines: one object a line, its members as columns."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from luna_web.book.imports.describing import shown, storable
from luna_web.book.imports.domain import (
    Described,
    Detected,
    DetectedColumn,
    FileFault,
    ImportOptions,
    Problem,
    Rejected,
    Severity,
)
from luna_web.book.imports.fields import IGNORE, field_of_header, header_key
from luna_web.book.imports.readers.base import Item, Unreadable
from luna_web.book.imports.readers.lines import MAX_LINE, Lines
from luna_web.book.imports.readers.text import SAMPLE, encoding_of
from luna_web.book.imports.tabular import MANY, describe_row

MAX_MEMBERS = 1000


class JsonLinesReader:
    """Opening looks at the first line, to show how its members are understood."""

    def __init__(self, source: BinaryIO, size: int, options: ImportOptions, latest_year: int) -> None:
        self._source, self._size, self._latest_year = source, size, latest_year
        sample = source.read(SAMPLE)
        source.seek(0)
        encoding = encoding_of(sample, options.encoding)
        self._lines = Lines(source, encoding)
        self._told = {header_key(member): field for member, field in options.mapping.items()}
        self._fields: dict[str, str | None] = {}
        names = _first_members(sample.decode(encoding, "replace"))
        columns = [DetectedColumn(name=name[:100], field=self._shown_field(name)) for name in names]
        self.detected = Detected(encoding=encoding, columns=columns)
        self.problems: Sequence[Problem] = [
            Problem(Severity.WARNING, "no field is called so; this member was left out", field=name[:100])
            for name in names
            if self._field(name) is None
        ]

    def items(self) -> Iterator[Item]:
        number = 0
        while (line := self._lines.read()) != "":
            if line is None or line.strip():
                number += 1
                content = Unreadable(None, f"a line of more than {MAX_LINE:,} characters") if line is None else line
                yield Item(number, self._lines.number, content)

    def describe(self, content: str | Unreadable) -> Described:
        if isinstance(content, Unreadable):
            raise content.reject()
        cells: dict[str, str] = {}
        # Mapped members first: they go before those that only are called so.
        for name, value in sorted(parse_object(content).items(), key=lambda one: header_key(one[0]) not in self._told):
            field = self._field(name)
            if field in (None, IGNORE) or not (text := _text(value, name)):
                continue
            if field not in cells:
                cells[field] = text
            elif field in MANY:
                cells[field] += f"\n{text}"
        return describe_row(cells, self._latest_year)

    def progress(self) -> float:
        return min(1.0, self._source.tell() / max(self._size, 1))

    def _field(self, name: str) -> str | None:
        if name not in self._fields:
            if len(self._fields) >= MAX_MEMBERS:
                return self._told.get(header_key(name)) or field_of_header(name)
            self._fields[name] = self._told.get(header_key(name)) or field_of_header(name)
        return self._fields[name]

    def _shown_field(self, name: str) -> str | None:
        field = self._field(name)
        return None if field == IGNORE else field


def _first_members(text: str) -> list[str]:
    for line in text.splitlines():
        if line.strip():
            if line.lstrip("\ufeff ").startswith("["):
                raise FileFault("this is a JSON array; JSON Lines has one object a line and no brackets around them")
            try:
                return [name for name in list(parse_object(line))[:MAX_MEMBERS] if name.isprintable()]
            except Rejected:
                return []
    raise FileFault("the file is empty")


def parse_object(line: str) -> dict[str, Any]:
    """The members of one line; numbers stay as they are written. Raises Rejected."""
    storable(line, None)
    try:
        found = json.loads(line, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_without_twins)
    except json.JSONDecodeError as error:
        raise Rejected(None, f"is no JSON: {error.msg} at character {error.pos + 1:,}", shown(line.strip())) from None
    except RecursionError:
        raise Rejected(None, "is nested too deep", shown(line.strip())) from None
    if not isinstance(found, dict):
        raise Rejected(None, "must be a JSON object in braces", shown(line.strip()))
    return found


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Rejected(None, "a member comes twice", shown(name))
        found[name] = value
    return found


def _text(value: Any, name: str) -> str:
    """A text, a number, or a list of them; nothing for null. Raises Rejected."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    raise Rejected(shown(name), "must be a text, a number, or a list of texts", shown(type(value).__name__))
