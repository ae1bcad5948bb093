"""Rows of tables as titles."""

from pathlib import Path
from typing import Any

import pytest

from luna_web.book.imports.domain import Barcoded, CopyWish, Described, FileFault, Rejected
from luna_web.book.imports.fields import TABLE, as_markdown, field_of_header
from luna_web.book.imports.tabular import columns_of, describe_row, mapping_faults

DOCS = Path(__file__).resolve().parents[5] / "docs" / "import.md"


def described(**cells: str) -> Described:
    return describe_row({"title": "Dune", **cells}, latest_year=2027)


def remarks(**cells: str) -> list[tuple[str | None, str]]:
    return [(one.field, one.reason) for one in described(**cells).remarks]


class TestHeaders:
    @pytest.mark.parametrize(
        ("header", "field"),
        [
            ("Title", "title"),
            ("  BOOK_TITLE ", "title"),
            ("Título", "title"),
            ("Titel", "title"),
            ("书名", "title"),
            ("Verfasser", "author"),
            ("ISBN-13", "isbn"),
            ("Année", "publication_year"),
            ("Código de barras", "barcode"),
            ("Standort", "shelf_location"),
            ("Price", None),
            ("", None),
        ],
    )
    def test_columns_are_known_by_their_names(self, header: str, field: str | None) -> None:
        assert field_of_header(header) == field

    def test_no_name_stands_for_two_fields(self) -> None:
        for rule in TABLE:
            for header in rule.headers:
                assert field_of_header(header) == rule.name, header

    def test_the_documentation_shows_the_table_as_it_is(self) -> None:
        assert as_markdown() in DOCS.read_text(encoding="utf-8")

    def test_a_mapping_goes_before_names_and_can_leave_a_column_out(self) -> None:
        columns = columns_of(["Title", "Haupteintrag", "Notes"], {"haupteintrag": "title", "Title": "-", "Notes": "-"})

        assert columns.fields == ("-", "title", "-")

    def test_of_two_columns_for_one_field_the_first_is_taken(self) -> None:
        assert columns_of(["Title", "Author", "Creator"], {}).fields == ("title", "author", "-")

    def test_a_mapped_column_goes_before_one_of_the_same_field(self) -> None:
        assert columns_of(["Title", "Titel2"], {"Titel2": "title"}).fields == ("-", "title")
        assert columns_of(["Titel2", "Title"], {"Titel2": "title"}).fields == ("title", "-")
        assert columns_of(["Title", "ISBN", "EAN2"], {"EAN2": "isbn"}).fields == ("title", "isbn", "isbn")

    @pytest.mark.parametrize(
        ("headers", "mapping", "says"),
        [
            (["Dune", "Herbert"], {}, "no column gives the title; the columns are 'Dune', 'Herbert'"),
            (["Title"], {"Nothing": "author"}, "there is no column 'Nothing'"),
            (["A", "B"], {"A": "title", "B": "title"}, "more than one column is mapped to 'title'"),
            (["Title", "Verfa\udcdfer"], {}, "contains bytes that are no text in the encoding of the file"),
            (["Title", "a\x00"], {}, "contains NUL characters"),
        ],
    )
    def test_a_table_without_a_title_is_told_what_it_has(
        self, headers: list[str], mapping: dict[str, str], says: str
    ) -> None:
        with pytest.raises(FileFault, match=says):
            columns_of(headers, mapping)

    def test_a_mapping_to_what_is_no_field_names_the_fields(self) -> None:
        (fault,) = mapping_faults({"A": "titel", "B": "title"})

        assert fault.startswith("'titel' is no field; the fields are title, subtitle")


class TestRows:
    def test_all_that_a_row_says(self) -> None:
        made = described(
            subtitle="a novel", author="Herbert, Frank", isbn="0441172718; 0441172717 (pbk.)", publisher="Ace",
            publication_year="c1965", description="Sand.", language="English", call_number="PS3558 .E63",
            control_number="dune-1", cover_image_url="https://example.org/dune.jpg",
        )  # fmt: skip

        book = made.book
        assert (book.title, book.author, book.isbn13) == ("Dune: a novel", "Herbert, Frank", "9780441172719")
        assert (book.isbns_invalid, book.publisher, book.publication_year) == (("0441172718",), "Ace", 1965)
        assert (book.language, book.call_number, book.control_number) == ("eng", "PS3558 .E63", "dune-1")
        assert [(one.field, one.value) for one in made.remarks] == [("isbn", "0441172718")]

    @pytest.mark.parametrize(
        ("cells", "field", "reason"),
        [
            ({"isbn": "0441172718"}, "isbn", "the check digit is wrong; kept apart"),
            ({"isbn": "9.78E+12"}, "isbn", "a spreadsheet rounded this ISBN; format its column as text"),
            ({"isbn": "unknown"}, "isbn", "is no ISBN, which has 10 or 13 digits; kept apart"),
            ({"publication_year": "19uu"}, "publication_year", "no year can be read from this"),
            ({"publication_year": "2031"}, "publication_year", "lies in the future"),
            ({"language": "Klingon"}, "language", "is no language code such as eng or en"),
            ({"cover_image_url": "javascript:alert(1)"}, "cover_image_url",
             "is no http address of up to 2,000 characters"),
            ({"author": "A" * 501}, "author", "cut from 501 to 500 characters"),
            ({"barcode": "B1", "shelf_location": "S" * 101}, "shelf_location", "cut to 100 characters"),
            ({"barcode": "not a barcode"}, "barcode",
             "is no barcode, which has 3 to 32 letters, digits or hyphens; this copy was left out"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_taken_is_left_out_with_a_remark(
        self, cells: dict[str, str], field: str, reason: str
    ) -> None:
        assert (field, reason) in remarks(**cells)

    @pytest.mark.parametrize(
        ("cells", "field"),
        [
            ({"title": ""}, "title"),
            ({"title": " \u200b "}, "title"),
            ({"title": "a\x00b"}, "title"),
            ({"title": "a\ud800b"}, "title"),
            ({"author": "a\udce9"}, "author"),
            ({"copies": "many"}, "copies"),
            ({"copies": "1" + "0" * 1_000_000}, "copies"),
            ({"copies": "-1"}, "copies"),
            ({"control_number": "9" * 101}, "control_number"),
        ],
    )
    def test_what_makes_the_row_unfit_rejects_it(self, cells: dict[str, Any], field: str) -> None:
        with pytest.raises(Rejected) as refused:
            described(**cells)

        assert refused.value.remark.field == field
        assert len(refused.value.remark.value or "") <= 200

    def test_a_formula_is_text(self) -> None:
        assert described(title='=HYPERLINK("http://example.org")').book.title == '=HYPERLINK("http://example.org")'


class TestCopies:
    @pytest.mark.parametrize(
        ("cells", "wish"),
        [
            ({}, CopyWish()),
            ({"barcode": "B01"}, CopyWish((Barcoded("B01"),))),
            ({"barcode": "B01; B02|B03", "shelf_location": "QA"},
             CopyWish((Barcoded("B01", "QA"), Barcoded("B02", "QA"), Barcoded("B03", "QA")), 0, "QA")),
            ({"copies": "3", "shelf_location": "QA"}, CopyWish((), 3, "QA")),
            ({"shelf_location": "QA"}, CopyWish((), 1, "QA")),
            ({"copies": "0", "shelf_location": "QA"}, CopyWish((), 0, "QA")),
            ({"copies": "2.0"}, CopyWish((), 2)),
        ],
    )  # fmt: skip
    def test_what_a_row_says_of_copies(self, cells: dict[str, str], wish: CopyWish) -> None:
        assert described(**cells).copies == wish
