"""Workbooks: cells as a cataloguer reads them, and archives that were made to harm."""

import io
import zipfile
from datetime import date, datetime

import pytest
from openpyxl import Workbook

from luna_web.book.imports.domain import FileFault, ImportFormat, ImportOptions, Rejected
from luna_web.book.imports.readers.base import Reader
from luna_web.book.imports.readers.opening import open_reader
from luna_web.book.imports.readers.xlsx_reader import cell_text
from luna_web.book.marc import CatalogRecord
from tests.unit.web.book.imports.files import saved, xlsx_file

MIDNIGHT = datetime(1965, 8, 1)  # noqa: DTZ001 - cells have no time zone
SPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
HEADER = '<c r="A1" t="inlineStr"><is><t>title</t></is></c>'
SHEET = "xl/worksheets/sheet1.xml"
SHARED_STRINGS = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType='
    b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)


def opened(content: bytes, **options: object) -> Reader:
    return open_reader(
        ImportFormat.XLSX, io.BytesIO(content), len(content), ImportOptions.model_validate(options), 2027
    )


def books(content: bytes, **options: object) -> list[CatalogRecord | str]:
    reader = opened(content, **options)
    found: list[CatalogRecord | str] = []
    for item in reader.items():
        try:
            found.append(reader.describe(item.content).book)
        except Rejected as refused:
            found.append(refused.remark.reason)
    return found


def with_part(name: str, text: str | bytes) -> bytes:
    """A workbook with one part of its archive exchanged or added."""
    sink = io.BytesIO()
    plain = io.BytesIO(xlsx_file([["title"], ["Dune"]]))
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part).replace(b"</Types>", SHARED_STRINGS + b"</Types>"))
        new.writestr(name, text)
        if name != "xl/sharedStrings.xml":
            new.writestr("xl/sharedStrings.xml", "<sst/>")
    return sink.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9780441172719.0, "9780441172719"), (9780441172719, "9780441172719"), (1965.0, "1965"), (9.95, "9.95"),
        (MIDNIGHT, "1965-08-01"), (date(1965, 8, 1), "1965-08-01"), (None, ""), ("#N/A", ""),
        (True, "True"),        (1e300, "1e+300"), (float("inf"), "inf"), ("=1+1", "=1+1"),
    ],
)  # fmt: skip
def test_a_cell_is_the_text_that_a_cataloguer_reads(value: object, text: str) -> None:
    assert cell_text(value) == text


class TestReading:
    def test_numbers_and_days_become_isbns_and_years(self) -> None:
        rows = [["Title", "ISBN", "Date"], ["Dune", 9780441172719.0, MIDNIGHT], ["Emma", 141439580, 1815]]

        dune, emma = books(xlsx_file(rows))

        assert isinstance(dune, CatalogRecord)
        assert isinstance(emma, CatalogRecord)
        assert (dune.isbn13, dune.publication_year) == ("9780441172719", 1965)
        assert (emma.isbn13, emma.isbn_given, emma.publication_year) == ("9780141439587", "0141439580", 1815)

    def test_the_first_sheet_is_read_or_the_one_told(self) -> None:
        book = Workbook()
        book.active.append(["title"])  # type: ignore[union-attr]
        other = book.create_sheet("Novels")
        for row in (["title"], ["Emma"]):
            other.append(row)

        assert books(saved(book)) == []
        assert [one.title for one in books(saved(book), sheet="Novels") if isinstance(one, CatalogRecord)] == ["Emma"]
        with pytest.raises(FileFault, match="there is no sheet 'Poems'; the sheets are 'Sheet', 'Novels'"):
            opened(saved(book), sheet="Poems")

    def test_rows_are_named_as_the_spreadsheet_names_them(self) -> None:
        reader = opened(xlsx_file([[], ["title", "author"], [], ["Dune"], [], ["Emma", "Austen"]]))

        assert [(item.number, item.line) for item in reader.items()] == [(1, 4), (2, 6)]

    def test_an_empty_sheet_is_told_so(self) -> None:
        with pytest.raises(FileFault, match="is empty"):
            opened(xlsx_file([]))


class TestHostile:
    def test_what_is_no_archive(self) -> None:
        with pytest.raises(FileFault, match="this is no XLSX workbook"):
            opened(b"PK\x03\x04 nonsense")

    def test_an_archive_of_something_else(self) -> None:
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr("readme.txt", "hello")

        with pytest.raises(FileFault, match=r"it has no xl/workbook\.xml"):
            opened(sink.getvalue())

    def test_a_zip_bomb_is_seen_before_it_is_unpacked(self) -> None:
        with pytest.raises(FileFault, match="times its size, as only a zip bomb does"):
            opened(with_part(SHEET, b"<" + b" " * 50_000_000))

    def test_a_bomb_of_many_parts_is_seen_too(self) -> None:
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
            for number in range(2001):
                archive.writestr(f"xl/{number}", "")

        with pytest.raises(FileFault, match="2,001 parts"):
            opened(sink.getvalue())

    def test_a_part_that_unpacks_to_more_than_it_says_is_damaged(self) -> None:
        content = bytearray(with_part(SHEET, b"<worksheet>" + b"x" * 500_000))
        size = (500_011).to_bytes(4, "little")
        while (place := content.find(size)) >= 0:
            content[place : place + 4] = (100).to_bytes(4, "little")

        with pytest.raises(FileFault, match=r"this is no XLSX workbook|cannot be read"):
            opened(bytes(content))

    @pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/sharedStrings.xml"])
    def test_entities_are_refused(self, part: str) -> None:
        bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "xxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>'

        with pytest.raises(FileFault):
            list(opened(with_part(part, bomb)).items())

    def test_a_part_whose_compressed_bytes_are_damaged_is_told_so(self) -> None:
        content = bytearray(with_part(SHEET, "".join(f"<!-- {number} -->" for number in range(5000))))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            start = archive.getinfo(SHEET).header_offset + 30 + len(SHEET)
        content[start : start + 200] = b"\xff" * 200

        with pytest.raises(FileFault, match=r"this is no XLSX workbook|cannot be read"):
            list(opened(bytes(content)).items())

    def test_rows_without_cells_are_passed_over_as_signs_of_life(self) -> None:
        alive: list[int] = []
        far = '<row r="9000"><c r="A9000" t="inlineStr"><is><t>Dune</t></is></c></row>'
        content = self.sheet(f'<row r="1">{HEADER}</row>{far}')

        reader = open_reader(
            ImportFormat.XLSX, io.BytesIO(content), len(content), ImportOptions(), 2027, lambda: alive.append(1)
        )

        assert [(item.number, item.line) for item in reader.items()] == [(1, 9000)]
        assert len(alive) == 9000

    def sheet(self, rows: str) -> bytes:
        return with_part(SHEET, f"<worksheet {SPACE}><sheetData>{rows}</sheetData></worksheet>")

    def test_a_row_number_out_of_this_world_ends_the_sheet(self) -> None:
        far = '<row r="2000000000"><c r="A2000000000"><v>1</v></c></row>'

        assert books(self.sheet(f'<row r="1">{HEADER}</row>{far}')) == []

    def test_a_column_out_of_this_world_is_not_made_room_for(self) -> None:
        assert books(self.sheet(f'<row r="1">{HEADER}<c r="ZZZ1"><v>1</v></c></row>')) == []

    def test_an_encrypted_workbook_is_told_so(self) -> None:
        content = bytearray(xlsx_file([["title"]]))
        place = content.find(b"PK\x01\x02")
        while place >= 0:
            content[place + 8] |= 1
            place = content.find(b"PK\x01\x02", place + 4)

        with pytest.raises(FileFault, match="encrypted"):
            opened(bytes(content))
