"""CSV (RFC 4180, with any usual separator and encoding): a broken row is one rejected row, not the end of the file."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from luna_web.book.imports.describing import shown
from luna_web.book.imports.domain import (
    Described,
    Detected,
    DetectedColumn,
    FileFault,
    ImportOptions,
    Problem,
    Rejected,
)
from luna_web.book.imports.fields import IGNORE
from luna_web.book.imports.readers.base import Item, Unreadable, unknown_columns
from luna_web.book.imports.readers.lines import MAX_LINE, Lines
from luna_web.book.imports.readers.text import SAMPLE, Sheet, encoding_of, sheet_of
from luna_web.book.imports.tabular import Columns, columns_of, describe_row
from luna_web.shared.csv_cells import restored

MAX_FIELD = 1 << 17
MAX_COLUMNS = 1000
MAX_BROKEN = 1000
"""Rows that may be broken by quotes. Each is looked at twice, and a file of nothing else would take for ever."""


class _LineTooLong(Exception):
    """In place of a line."""


class _Rows:
    """Lines for `csv`, kept until their row is whole, so that reading can start again behind the first of them."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._next_line = lines.number + 1
        self._again: deque[str | None] = deque()
        self._taken: list[str | None] = []
        self.first_line = self._next_line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._lines.read()
        if line == "":
            raise StopIteration
        self._taken.append(line)
        self._next_line += 1
        if line is None:
            raise _LineTooLong
        return line

    def begin(self) -> None:
        """A new row begins with the next line."""
        self._taken.clear()
        self.first_line = self._next_line

    def restart(self) -> None:
        """Give again whatever the broken row took beyond its first line."""
        rest = self._taken[1:]
        self._again.extendleft(reversed(rest))
        self._next_line -= len(rest)


class CsvReader:
    """Opening reads the header. Raises FileFault."""

    def __init__(self, source: BinaryIO, size: int, options: ImportOptions, latest_year: int) -> None:
        self._source, self._size, self._latest_year = source, size, latest_year
        sample = source.read(SAMPLE)
        source.seek(0)
        encoding = encoding_of(sample, options.encoding)
        sheet = sheet_of(sample.decode(encoding, "replace"), options.separator, options.mapping)
        csv.field_size_limit(MAX_FIELD)
        lines = Lines(source, encoding)
        for _ in range(sheet.skip):
            lines.read()
        self._sheet = sheet
        self._rows = _Rows(lines)
        self.columns = self._header(options)
        self._wanted = _wanted(self.columns)
        self.detected = _detected(encoding, sheet, self.columns)
        self.problems: Sequence[Problem] = unknown_columns(self.columns)

    def _header(self, options: ImportOptions) -> Columns:
        for content, _ in self._read():
            if isinstance(content, Unreadable):
                raise FileFault(f"the header cannot be read: {content.reason}")
            if len(content) > MAX_COLUMNS:
                raise FileFault(f"the header has {len(content):,} columns; at most {MAX_COLUMNS:,} are taken")
            return columns_of(content, options.mapping)
        raise FileFault("the file is empty")

    def items(self) -> Iterator[Item]:
        for number, (content, line) in enumerate(self._read(), start=1):
            yield Item(number, line, content)

    def _read(self) -> Iterator[tuple[list[str] | Unreadable, int]]:
        """(cells or why there are none, first line) of each row that is not blank."""
        broken = 0
        rows = self._rows
        parser = self._parser()
        while True:
            rows.begin()
            try:
                cells = next(parser)
            except StopIteration:
                return
            except _LineTooLong:
                yield Unreadable(None, f"a line of more than {MAX_LINE:,} characters"), rows.first_line
                rows.restart()
                parser = self._parser()
                continue
            except csv.Error as error:
                broken += 1
                if broken > MAX_BROKEN:
                    raise FileFault(
                        f"more than {MAX_BROKEN:,} rows have broken quotes; is the separator right?"
                    ) from None
                yield Unreadable(None, _in_words(error)), rows.first_line
                rows.restart()
                parser = self._parser()
                continue
            if any(cells):
                yield cells, rows.first_line

    def _parser(self) -> Iterator[list[str]]:
        return csv.reader(self._rows, delimiter=self._sheet.separator, strict=True, skipinitialspace=True)

    def describe(self, content: list[str] | Unreadable) -> Described:
        if isinstance(content, Unreadable):
            raise content.reject()
        cells = [restored(cell) if cell.startswith("'") else cell for cell in content]
        return describe_row(cells_by_field(cells, self.columns, self._wanted), self._latest_year)

    def progress(self) -> float:
        return min(1.0, self._source.tell() / max(self._size, 1))


def _detected(encoding: str, sheet: Sheet, columns: Columns) -> Detected:
    return Detected(
        encoding=encoding,
        separator=sheet.separator,
        columns=[DetectedColumn(name=name, field=field) for name, field in _named(columns)],
    )


def _named(columns: Columns) -> Iterator[tuple[str, str | None]]:
    for name, field in zip(columns.names, columns.fields, strict=True):
        yield name[:100], None if field == IGNORE else field


def _wanted(columns: Columns) -> list[tuple[int, str]]:
    return [(place, field) for place, field in enumerate(columns.fields) if field not in (None, IGNORE)]


def cells_by_field(cells: Sequence[str], columns: Columns, wanted: Sequence[tuple[int, str]]) -> dict[str, str]:
    """The cells that give a field. Cells beyond the header mean that the others may have moved: Rejected."""
    if len(cells) > len(columns.names) and any(cells[len(columns.names) :]):
        more = f"has {len(cells):,} cells where the header has {len(columns.names):,}"
        reason = f"{more}; is a text with a separator in it not quoted?"
        raise Rejected(None, reason, shown(" | ".join(cells[:20])))
    found: dict[str, str] = {}
    for place, field in wanted:
        if place < len(cells) and cells[place]:
            found[field] = f"{found[field]};{cells[place]}" if field in found else cells[place]
    return found


def _in_words(error: csv.Error) -> str:
    said = str(error)
    if "field larger" in said:
        return f"a cell of more than {MAX_FIELD:,} characters; is a quote opened here and never closed?"
    if "unexpected end" in said:
        return "a quote is opened here and never closed"
    if "expected after" in said:
        return "a quote inside of a quoted cell must be written twice"
    return said
