"""What kind of file an upload is."""

import pytest

from luna_web.book.imports.domain import ImportFormat
from luna_web.book.imports.sniffing import format_of
from tests.unit.web.book.imports.files import title_record, xlsx_file

MARC = title_record("Dune").as_marc()


@pytest.mark.parametrize(
    ("head", "name", "kind", "form"),
    [
        (MARC, None, None, "MARC"),
        (MARC, "books.csv", "text/csv", "MARC"),
        (b"\xef\xbb\xbf" + MARC, None, "application/octet-stream", "MARC"),
        (xlsx_file([["title"]])[:4096], None, None, "XLSX"),
        (b'<?xml version="1.0"?><collection>', None, None, "MARCXML"),
        (b"\xef\xbb\xbf<marc:collection>", "x", "application/octet-stream", "MARCXML"),
        ('<?xml version="1.0"?>'.encode("utf-16"), None, None, "MARCXML"),
        (b'{"title": "Dune"}\n', None, None, "JSONL"),
        (b'[{"title": "Dune"}]', None, None, "JSONL"),
        (b"title,author\n", None, None, "CSV"),
        (b"title\tauthor\n", "books.tsv", None, "CSV"),
        ("título;autor\n".encode("utf-16"), None, "text/csv", "CSV"),
        (b"garbage", "books.mrc", None, "MARC"),
        (b"garbage", None, "application/marc", "MARC"),
        (b"title,author\n", "books.xlsx", None, "CSV"),
        (b"title,author\n", None, "application/vnd.ms-excel", "CSV"),
    ],
)
def test_a_file_is_known_by_its_bytes_else_by_its_name(
    head: bytes, name: str | None, kind: str | None, form: str
) -> None:
    assert format_of(head, name, kind) == ImportFormat(form)


@pytest.mark.parametrize("head", [b"%PDF-1.7", b"\xd0\xcf\x11\xe0\xa1\xb1", b"\x1f\x8b\x08\x00", b"\x89PNG\r\n"])
def test_what_is_none_of_them_is_told_whatever_it_is_called(head: bytes) -> None:
    assert format_of(head, "books.csv", "text/csv") is None
