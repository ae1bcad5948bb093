"""Files to import, as many records as one likes, made of the seed catalog's titles: each is another title."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import IO, Any
from xml.sax.saxutils import escape

from luna_web.book.imports.domain import ImportFormat
from luna_web.book.isbn import check_digit
from luna_web.book.seed import SEED

COLUMNS = (
    "title", "author", "isbn", "control_number", "publisher", "publication_year", "description", "language",
    "call_number",
)  # fmt: skip
WITHOUT_ISBN = 3
"""One in so many has none, as in the sample."""


@dataclass(frozen=True, slots=True)
class Titles:
    """`series` sets the numbers of one file apart from those of another: below 1,000."""

    records: int
    series: int

    def __iter__(self) -> Iterator[dict[str, Any]]:
        seed = cycle([json.loads(line) for line in SEED.read_text(encoding="utf-8").splitlines()])
        for number, row in enumerate(islice(seed, self.records)):
            title = f"{row['title']}, volume {self.series}-{number}"
            yield {**row, "title": title, "isbn": self._isbn(number), "control_number": f"b{self.series:03}{number:08}"}

    def _isbn(self, number: int) -> str:
        if number % WITHOUT_ISBN == 0:
            return ""
        body = f"979{(self.series * 5_000_000 + number) % 1_000_000_000:09}"
        return body + check_digit(body)


def write(form: ImportFormat, titles: Titles, sink: IO[bytes]) -> None:
    """Write them as a file of this format."""
    _WRITERS[form](titles, sink)


def _csv(titles: Titles, sink: IO[bytes]) -> None:
    text = io.TextIOWrapper(sink, "utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(titles)
    text.detach()


def _jsonl(titles: Titles, sink: IO[bytes]) -> None:
    for row in titles:
        sink.write(json.dumps({name: row.get(name) for name in COLUMNS}, ensure_ascii=False).encode() + b"\n")


def _marc(titles: Titles, sink: IO[bytes]) -> None:
    for row in titles:
        sink.write(_iso2709([(tag, data.encode()) for tag, data in _fields(row)]))


def _marcxml(titles: Titles, sink: IO[bytes]) -> None:
    sink.write(b'<?xml version="1.0"?>\n<collection xmlns="http://www.loc.gov/MARC21/slim">\n')
    for row in titles:
        fields = "".join(_xml_field(tag, data) for tag, data in _fields(row))
        sink.write(f"<record><leader>00000nam a2200000 a 4500</leader>{fields}</record>\n".encode())
    sink.write(b"</collection>\n")


def _fields(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(tag, data) as ISO 2709 has them. With what no import reads, since real records are full of it."""
    year = str(row.get("publication_year") or "uuuu")
    yield "001", row["control_number"]
    yield "008", f"850101s{year}    xxu           000 0 {row.get('language') or 'und'}  "
    if row["isbn"]:
        yield "020", f"  \x1fa{row['isbn']} (pbk.)"
    yield "050", f"00\x1fa{row.get('call_number') or 'Z'}"
    if row.get("author"):
        yield "100", f"1 \x1fa{row['author']},\x1fd1900-1990."
    yield "245", f"10\x1fa{row['title']} /\x1fcby the author."
    yield "260", f"  \x1faLondon :\x1fb{row.get('publisher') or ''},\x1fc{year}."
    yield "300", "  \x1faxii, 300 p. :\x1fbill. ;\x1fc24 cm."
    yield "504", "  \x1faIncludes bibliographical references (p. 280-290) and index."
    if row.get("description"):
        yield "520", f"  \x1fa{row['description']}"
    for subject in ("Libraries", "Robots in literature", "Books and reading"):
        yield "650", f" 0\x1fa{subject}\x1fzGreat Britain\x1fxHistory."


def _iso2709(fields: list[tuple[str, bytes]]) -> bytes:
    directory, data = b"", b""
    for tag, content in fields:
        directory += f"{tag}{len(content) + 1:04}{len(data):05}".encode()
        data += content + b"\x1e"
    base = 24 + len(directory) + 1
    return f"{base + len(data) + 1:05}nam a22{base:05} a 4500".encode() + directory + b"\x1e" + data + b"\x1d"


def _xml_field(tag: str, data: str) -> str:
    if tag < "010":
        return f'<controlfield tag="{tag}">{escape(data)}</controlfield>'
    marks, *parts = data.split("\x1f")
    inner = "".join(f'<subfield code="{part[0]}">{escape(part[1:])}</subfield>' for part in parts)
    return f'<datafield tag="{tag}" ind1="{marks[0]}" ind2="{marks[1]}">{inner}</datafield>'


def _xlsx(titles: Titles, sink: IO[bytes]) -> None:
    """The least that is a workbook; Excel's own has more around its cells, which are the same."""
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            sheet.write(_xml_row(1, COLUMNS).encode())
            for number, row in enumerate(titles, start=2):
                sheet.write(_xml_row(number, [str(row.get(name) or "") for name in COLUMNS]).encode())
            sheet.write(b"</sheetData></worksheet>")


def _xml_row(number: int, cells: Any) -> str:
    inner = "".join(
        f'<c r="{chr(65 + place)}{number}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
        for place, cell in enumerate(cells)
        if cell
    )
    return f'<row r="{number}">{inner}</row>'


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<?xml version="1.0"?><Relationships xmlns="{_RELS}"><Relationship Id="r1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Books" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<?xml version="1.0"?><Relationships xmlns="{_RELS}"><Relationship Id="r1" '
    f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
_WRITERS: dict[ImportFormat, Callable[[Titles, IO[bytes]], None]] = {
    ImportFormat.CSV: _csv,
    ImportFormat.JSONL: _jsonl,
    ImportFormat.MARC: _marc,
    ImportFormat.MARCXML: _marcxml,
    ImportFormat.XLSX: _xlsx,
}
