"""Files become titles and copies, once, whatever they are and however often they come."""

import pytest

from luna_web.book.imports.batches import BATCH
from tests.integration.web.book.imports.desk import Desk, counts
from tests.integration.world import Catalog
from tests.unit.web.book.imports.files import (
    csv_file,
    field,
    jsonl_file,
    marc_file,
    marcxml_file,
    record,
    title_record,
    xlsx_file,
)

DUNE = {"title": "Dune", "author": "Herbert, Frank", "isbn": "0-441-17271-7", "year": "1965"}
EMMA = {"title": "Emma", "author": "Austen, Jane", "isbn": "978-0-14-143958-7", "year": "1815"}
RECORDS = [
    record(field("020", "a", "0441172717 (pbk.) :", "c", "$9.95"), field("100", "a", "Herbert, Frank."),
           field("245", "a", "Dune /"), field("260", "c", "c1965."), control="dune-1"),
    record(field("020", "a", "9780141439587"), field("100", "a", "Austen, Jane,", "d", "1775-1817."),
           field("245", "a", "Emma /"), field("260", "c", "1815."), control="emma-1"),
]  # fmt: skip
FILES = {
    "MARC": marc_file(RECORDS),
    "MARCXML": marcxml_file(RECORDS),
    "CSV": csv_file([DUNE, EMMA]),
    "XLSX": xlsx_file([list(DUNE), [*list(DUNE.values())[:3], 1965], ["Emma", "Austen, Jane", 9780141439587, 1815]]),
    "JSONL": jsonl_file([DUNE, EMMA]),
}


class TestEachFormat:
    @pytest.mark.parametrize("form", list(FILES))
    def test_a_file_becomes_titles_and_the_same_file_again_changes_nothing(self, desk: Desk, form: str) -> None:
        first = desk.done(FILES[form])
        before = desk.rows("SELECT * FROM books ORDER BY id")
        again = desk.done(FILES[form])

        assert (first["format"], first["state"], first["progress"]) == (form, "COMPLETED", 1.0)
        assert (counts(first), counts(again)) == ((2, 0, 0, 0), (0, 0, 2, 0))
        assert [(book["title"], book["isbn13"], book["publication_year"]) for book in desk.books()] == [
            ("Dune", "9780441172719", 1965),
            ("Emma", "9780141439587", 1815),
        ]
        assert desk.rows("SELECT * FROM books ORDER BY id") == before

    def test_what_one_format_brought_another_finds(self, desk: Desk) -> None:
        for content in FILES.values():
            desk.done(content)

        assert len(desk.books()) == 2
        assert {book["control_number"] for book in desk.books()} == {"dune-1", "emma-1"}

    @pytest.mark.parametrize("form", list(FILES))
    def test_a_dry_run_counts_the_same_and_changes_nothing(self, desk: Desk, form: str) -> None:
        twice = FILES[form] + FILES[form] if form in ("MARC", "JSONL") else FILES[form]
        dry = desk.done(twice, dry_run=True)

        assert (desk.books(), desk.copies()) == ([], [])
        assert counts(dry) == counts(desk.done(twice))


class TestRoundTrip:
    @pytest.mark.parametrize("form", ["csv", "jsonl"])
    def test_an_export_imported_again_changes_nothing(self, desk: Desk, catalog: Catalog, form: str) -> None:
        catalog.add(
            "-isms", author="=Cicero", isbn13="9780441172719", isbns_other=["9780141439587"], isbns_invalid=["123"],
            description="Of sand.\n\n-and of worms.", publication_year=1965, shelf_location="+A",
        )  # fmt: skip
        catalog.add("'t Hooft", copies=0)
        before = desk.rows("SELECT * FROM books ORDER BY id"), desk.copies()

        done = desk.done(desk.api.get("/books/export", params={"format": form}).content)

        assert counts(done) == (0, 0, 2, 0)
        assert (desk.rows("SELECT * FROM books ORDER BY id"), desk.copies()) == before

    @pytest.mark.parametrize("form", ["csv", "jsonl"])
    def test_further_isbns_that_were_lost_come_back_from_an_export(
        self, desk: Desk, catalog: Catalog, form: str
    ) -> None:
        others = ["9780141439587", "9780306406157"]
        catalog.add("Dune", isbn13="9780441172719", isbns_other=others)
        exported = desk.api.get("/books/export", params={"format": form}).content
        desk.rows("UPDATE books SET isbns_other = '{}' RETURNING id")

        assert counts(desk.done(exported)) == (0, 1, 0, 0)
        assert [book["isbns_other"] for book in desk.books()] == [others]


class TestManyBatches:
    def test_records_behind_the_first_batch_land_too_and_are_found_again(self, desk: Desk) -> None:
        content = csv_file([{"title": f"Volume {number}", "author": "Many"} for number in range(BATCH * 2 + 5)])

        assert counts(desk.done(content)) == (2005, 0, 0, 0)
        assert counts(desk.done(content)) == (0, 0, 2005, 0)

    def test_a_dry_run_knows_in_its_third_batch_what_the_first_would_have_brought(self, desk: Desk) -> None:
        rows = [{"title": f"Volume {number}", "barcode": f"B{number:05}"} for number in range(BATCH * 2)]
        content = csv_file([*rows, rows[0], {"title": "Another", "barcode": "B00007"}])

        dry = desk.done(content, dry_run=True)

        assert counts(dry) == counts(desk.done(content)) == (BATCH * 2 + 1, 0, 1, 0)
        assert dry["copies_added"] == BATCH * 2
        assert dry["warnings"] == 1


class TestMarcDetails:
    def test_a_record_without_a_title_is_rejected_and_the_next_one_lands(self, desk: Desk) -> None:
        job = desk.done(marc_file([record(field("100", "a", "Nobody")), title_record("Dune")]))

        assert counts(job) == (1, 0, 0, 1)
        (error,) = desk.errors(job["id"], severity="REJECTED")
        assert (error["record"], error["field"]) == (1, "245")
