"""The reader of a format."""

from collections.abc import Callable
from typing import BinaryIO

from luna_web.book.imports.domain import ImportFormat, ImportOptions
from luna_web.book.imports.readers.base import Reader
from luna_web.book.imports.readers.csv_reader import CsvReader
from luna_web.book.imports.readers.jsonl_reader import JsonLinesReader
from luna_web.book.imports.readers.marc_reader import MarcReader
from luna_web.book.imports.readers.marcxml_reader import MarcXmlReader
from luna_web.book.imports.readers.xlsx_reader import XlsxReader


def open_reader(
    form: ImportFormat,
    source: BinaryIO,
    size: int,
    options: ImportOptions,
    latest_year: int,
    alive: Callable[[], None] = lambda: None,
) -> Reader:
    """Open a file of `size` bytes; years beyond `latest_year` are not believed. Raises FileFault.

    `alive` is called where the file is read on without a record to show for it.
    """
    match form:
        case ImportFormat.MARC:
            return MarcReader(source, size, options, latest_year)
        case ImportFormat.MARCXML:
            return MarcXmlReader(source, size, options, latest_year)
        case ImportFormat.CSV:
            return CsvReader(source, size, options, latest_year)
        case ImportFormat.XLSX:
            return XlsxReader(source, size, options, latest_year, alive)
        case ImportFormat.JSONL:
            return JsonLinesReader(source, size, options, latest_year)
