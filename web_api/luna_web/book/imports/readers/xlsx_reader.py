"""XLSX, row by row: what the archive may unpack to is checked before anything is unpacked."""

import lzma
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException

from luna_web.book.imports.domain import Described, Detected, DetectedColumn, FileFault, ImportOptions, Problem
from luna_web.book.imports.fields import IGNORE
from luna_web.book.imports.readers.base import Item, unknown_columns
from luna_web.book.imports.readers.csv_reader import MAX_COLUMNS, cells_by_field
from luna_web.book.imports.tabular import Columns, columns_of, describe_row

MAX_UNPACKED = 2 << 30
MAX_SHARED_TEXTS = 128 << 20
MAX_STYLES = 16 << 20
MAX_RATIO = 200
RATIO_COUNTS_FROM = 1 << 20
MAX_PARTS = 2000
MAX_ROWS = 1 << 20
"""As many as Excel itself takes."""
_WHOLE_IN_MEMORY = {"xl/sharedstrings.xml": MAX_SHARED_TEXTS, "xl/styles.xml": MAX_STYLES}
_BROKEN = (
    zipfile.BadZipFile, ParseError, DefusedXmlException, KeyError, ValueError, IndexError, TypeError, AttributeError,
    EOFError, OSError, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What `openpyxl` and `zipfile` raise of a file that is damaged, made to harm, or no workbook."""


class XlsxReader:
    """Opening reads the header of the first sheet, or of the one told. Raises FileFault.

    `alive` is called for each row, since of a million empty ones no item comes.
    """

    def __init__(
        self,
        source: BinaryIO,
        size: int,
        options: ImportOptions,
        latest_year: int,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._latest_year = latest_year
        self._alive = alive
        self._done = 0
        check_archive(source)
        source.seek(0)
        self._sheet = _sheet(source, options.sheet)
        self._expected = self._sheet.max_row or 0
        self._rows = self._texts()
        self.columns = self._header(options)
        self._wanted = [(place, name) for place, name in enumerate(self.columns.fields) if name not in (None, IGNORE)]
        self.detected = Detected(
            sheet=self._sheet.title,
            columns=[
                DetectedColumn(name=name[:100], field=None if field == IGNORE else field)
                for name, field in zip(self.columns.names, self.columns.fields, strict=True)
            ],
        )
        self.problems: Sequence[Problem] = unknown_columns(self.columns)

    def _header(self, options: ImportOptions) -> Columns:
        for _, cells in self._rows:
            if len(cells) > MAX_COLUMNS:
                raise FileFault(f"the header has more than {MAX_COLUMNS:,} columns")
            return columns_of(cells, options.mapping)
        raise FileFault(f"the sheet {self._sheet.title!r} is empty")

    def items(self) -> Iterator[Item]:
        for number, (row, cells) in enumerate(self._rows, start=1):
            yield Item(number, row, cells)

    def describe(self, content: list[str]) -> Described:
        return describe_row(cells_by_field(content, self.columns, self._wanted), self._latest_year)

    def progress(self) -> float:
        return min(1.0, self._done / self._expected) if self._expected > 1 else 0.0

    def _texts(self) -> Iterator[tuple[int, list[str]]]:
        """(row, texts up to the last that is not empty) of each row that has any."""
        try:
            rows = self._sheet.iter_rows(max_row=MAX_ROWS, max_col=MAX_COLUMNS + 1, values_only=True)
            for number, values in enumerate(rows, start=1):
                self._done = number
                self._alive()
                texts = [] if values == _EMPTY_ROW else _trimmed([cell_text(value) for value in values])
                if texts:
                    yield number, texts
                if number >= self._expected and not texts and number - self._last_filled > _GAP:
                    return
                if texts:
                    self._last_filled = number
        except _BROKEN as error:
            raise FileFault(f"row {self._done + 1:,} cannot be read: {_said(error)}") from None

    _last_filled = 0


_EMPTY_ROW = (None,) * (MAX_COLUMNS + 1)
_GAP = 10_000
"""Empty rows after which nothing more is expected."""


def check_archive(source: BinaryIO) -> None:
    """Raises FileFault unless what the archive says it unpacks to is within bounds (`zipfile` holds it to that)."""
    try:
        with zipfile.ZipFile(source) as archive:
            parts = archive.infolist()
    except _BROKEN as error:
        raise FileFault(f"this is no XLSX workbook: {_said(error)}") from None
    if len(parts) > MAX_PARTS:
        raise FileFault(f"the archive has {len(parts):,} parts; a workbook has at most {MAX_PARTS:,}")
    if any(part.flag_bits & 1 for part in parts):
        raise FileFault("the workbook is encrypted; save it without a password")
    if not any(part.filename.casefold() == "xl/workbook.xml" for part in parts):
        raise FileFault("this archive is no XLSX workbook: it has no xl/workbook.xml")
    _check_sizes(parts)


def _check_sizes(parts: Sequence[zipfile.ZipInfo]) -> None:
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED:
        raise FileFault(
            f"the workbook unpacks to {unpacked:,} bytes; at most {MAX_UNPACKED:,} are taken. Save it as CSV"
        )
    for part in parts:
        if part.file_size > RATIO_COUNTS_FROM and part.file_size > MAX_RATIO * max(part.compress_size, 1):
            ratio = part.file_size // max(part.compress_size, 1)
            raise FileFault(f"{part.filename} unpacks to {ratio:,} times its size, as only a zip bomb does")
        limit = _WHOLE_IN_MEMORY.get(part.filename.casefold(), MAX_UNPACKED)
        if part.file_size > limit:
            raise FileFault(
                f"{part.filename} unpacks to {part.file_size:,} bytes; at most {limit:,} are taken. Save it as CSV"
            )


def _sheet(source: BinaryIO, wanted: str | None) -> Any:
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions, which are not read
            book = load_workbook(source, read_only=True, data_only=True, keep_links=False)
        sheets = {sheet.title: sheet for sheet in book.worksheets}
    except _BROKEN as error:
        raise FileFault(f"this is no XLSX workbook: {_said(error)}") from None
    if not sheets:
        raise FileFault("the workbook has no sheet with cells")
    if wanted is None:
        return next(iter(sheets.values()))
    if wanted not in sheets:
        raise FileFault(f"there is no sheet {wanted!r}; the sheets are {', '.join(map(repr, list(sheets)[:20]))}")
    return sheets[wanted]


def cell_text(value: Any) -> str:
    """A cell as a cataloguer reads it: whole numbers without `.0` or exponent, days without their midnight."""
    if value is None:
        return ""
    if isinstance(value, str):
        return "" if value in _ERRORS else value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)


_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})


def _trimmed(texts: list[str]) -> list[str]:
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
