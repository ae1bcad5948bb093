"""Files to import, made by hand."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from openpyxl import Workbook
from pymarc import Field, Indicators, Record, Subfield

Row = Mapping[str, Any]


def csv_file(rows: Sequence[Row], *, separator: str = ",", encoding: str = "utf-8") -> bytes:
    """With the keys of the first row as header."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(rows[0]), delimiter=separator, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode(encoding)


def jsonl_file(rows: Iterable[Row]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def xlsx_file(rows: Sequence[Sequence[Any]], *, sheet: str = "Books") -> bytes:
    book = Workbook()
    active = book.active
    assert active is not None
    active.title = sheet
    for row in rows:
        active.append(list(row))
    return saved(book)


def saved(book: Workbook) -> bytes:
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def field(tag: str, *parts: str, indicators: str = "  ") -> Field:
    """`field("245", "a", "Dune /", "c", "Frank Herbert.")`."""
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return Field(tag, Indicators(*indicators), [Subfield(code, value) for code, value in pairs])


def record(*fields: Field, control: str | None = None, coded: str | None = None) -> Record:
    """A MARC 21 record in UTF-8."""
    fixed = [Field("001", data=control)] if control else []
    fixed += [Field("008", data=coded)] if coded else []
    made = Record(fields=[*fixed, *fields], force_utf8=True)
    made.leader[5:9] = "nam "
    return made


def title_record(title: str, **options: Any) -> Record:
    isbn = options.pop("isbn", None)
    fields = [field("020", "a", isbn)] if isbn else []
    return record(*fields, field("245", "a", f"{title} /"), **options)


def marc_file(records: Iterable[Record]) -> bytes:
    return b"".join(one.as_marc() for one in records)


def marcxml_file(records: Iterable[Record], *, prefix: str = "") -> bytes:
    """By hand, since that is how it comes."""
    space = f' xmlns{":" + prefix[:-1] if prefix else ""}="http://www.loc.gov/MARC21/slim"'
    parts = [f'<?xml version="1.0" encoding="UTF-8"?>\n<{prefix}collection{space}>\n']
    for one in records:
        parts.append(f"<{prefix}record><{prefix}leader>{escape(str(one.leader))}</{prefix}leader>")
        parts += [_xml_field(part, prefix) for part in one.fields]
        parts.append(f"</{prefix}record>\n")
    return ("".join(parts) + f"</{prefix}collection>").encode()


def _xml_field(part: Field, prefix: str) -> str:
    if part.control_field:
        return f'<{prefix}controlfield tag="{part.tag}">{escape(part.data or "")}</{prefix}controlfield>'
    inner = "".join(
        f"<{prefix}subfield code={quoteattr(one.code)}>{escape(one.value)}</{prefix}subfield>" for one in part.subfields
    )
    first, second = part.indicators
    return f'<{prefix}datafield tag="{part.tag}" ind1="{first}" ind2="{second}">{inner}</{prefix}datafield>'
