"""The catalog as a file."""

import csv
import io
import json
from typing import Any

import pytest

from luna_web.book.domain import CopyStatus
from luna_web.book.exports import COLUMNS, ExportFormat
from luna_web.book.repository import exporting as rows
from luna_web.book.search import Filters
from luna_web.book.service import exporting
from luna_web.shared.csv_cells import restored
from luna_web.shared.database import SessionFactory
from tests.integration.world import Api, Catalog, refused


def as_csv(api: Api, **params: Any) -> list[dict[str, str]]:
    answer = api.get("/books/export", params=params)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    return [{name: restored(cell) for name, cell in line.items()} for line in lines]


def as_jsonl(api: Api, **params: Any) -> list[dict[str, Any]]:
    answer = api.get("/books/export", params={"format": "jsonl", **params})
    return [json.loads(line) for line in answer.text.splitlines()]


def test_every_title_is_there_with_what_describes_it(librarian: Api, catalog: Catalog) -> None:
    book = catalog.add(
        "Война и мир", title_romanized="Voĭna i mir", author="Толстой", isbn13="9780441172719", publication_year=1869,
        isbns_other=["9780306406157"], isbns_invalid=["123", "456"],
        copies=(CopyStatus.AVAILABLE, CopyStatus.CHECKED_OUT),
    )  # fmt: skip
    catalog.add("None", copies=0)

    first, second = as_csv(librarian)

    assert tuple(first) == COLUMNS
    assert (first["id"], first["title"], first["isbn"]) == (str(book), "Война и мир", "978-0-441-17271-9")
    assert first["isbns_other"] == "978-0-306-40615-7"
    assert (first["isbns_invalid"], first["copies"], first["copies_available"]) == ("123; 456", "2", "1")
    assert (second["title"], second["status"], second["author"]) == ("None", "UNAVAILABLE", "")
    assert [record["title"] for record in as_jsonl(librarian)] == ["Война и мир", "None"]
    assert as_jsonl(librarian)[0]["isbns_invalid"] == ["123", "456"]
    assert as_jsonl(librarian)[0]["isbns_other"] == ["978-0-306-40615-7"]


def test_no_cell_is_a_formula(librarian: Api, catalog: Catalog) -> None:
    catalog.add("=cmd|' /C calc'!A0", author="+SUM(A1)", publisher="@x", description="-1\n=2")

    raw = librarian.get("/books/export").content.decode("utf-8-sig")

    (record,) = csv.DictReader(io.StringIO(raw, newline=""))
    assert [record[name][0] for name in ("title", "author", "publisher", "description")] == ["'"] * 4
    assert as_csv(librarian)[0]["title"] == "=cmd|' /C calc'!A0"


def test_it_is_narrowed_as_a_list_is(librarian: Api, catalog: Catalog) -> None:
    catalog.add("Robots", publication_year=1920)
    catalog.add("Robots", publication_year=2020)
    catalog.add("Dune", copies=(CopyStatus.RESERVED,))

    assert [one["publication_year"] for one in as_jsonl(librarian, q="robot", year_from=2000)] == [2020]
    assert [one["title"] for one in as_jsonl(librarian, status="RESERVED")] == ["Dune"]


def test_batches_repeat_and_skip_nothing(librarian: Api, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BATCH", 3)
    books = [str(catalog.add(f"Robots {number}")) for number in range(10)]

    assert [one["id"] for one in as_jsonl(librarian)] == books


def test_between_batches_nothing_is_held(
    catalog: Catalog, session_factory: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BATCH", 1)
    for number in range(3):
        catalog.add(f"Robots {number}")
    pieces = exporting.text_of(session_factory, Filters(), ExportFormat.JSONL)
    head, first = next(pieces), next(pieces)

    assert (head, json.loads(first)["title"]) == ("", "Robots 0")
    assert session_factory.kw["bind"].pool.checkedout() == 0
    catalog.add("Added meanwhile")
    assert [json.loads(piece)["title"] for piece in pieces] == ["Robots 1", "Robots 2", "Added meanwhile"]


def test_what_is_wrong_is_told_before_the_file_begins(librarian: Api, student: Api) -> None:
    refused(librarian.get("/books/export", params={"format": "pdf"}), 422, "VALIDATION_ERROR")
    refused(librarian.get("/books/export", params={"isbn": "1"}), 422, "ISBN_INVALID")
    refused(student.get("/books/export"), 403, "FORBIDDEN")


def test_an_empty_catalog_is_a_file_with_headings(librarian: Api) -> None:
    assert librarian.get("/books/export").content.decode("utf-8-sig").strip() == ",".join(COLUMNS)
