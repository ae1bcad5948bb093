"""What a record means for the catalog: which title it is, and what of it changes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_web.book.imports.domain import Barcoded, CopyWish, Described
from luna_web.book.imports.merging import Outcome, Shelf
from luna_web.book.marc import CatalogRecord
from tests.unit.web.book.imports.library import Library, key_of

DUNE, EMMA = "9780441172719", "9780141439587"


def said(title: str = "Dune", copies: CopyWish | None = None, **columns: Any) -> Described:
    book = CatalogRecord(title=title, **columns)
    return Described(book, copies) if copies else Described(book)


@pytest.fixture
def library() -> Library:
    return Library()


class TestWhichTitle:
    @pytest.mark.parametrize(
        ("there", "comes", "same"),
        [
            (said(isbn13=DUNE), said("Dune, again", isbn13=DUNE), True),
            (said(isbn13=DUNE, control_number="1"), said("Other", isbn13=DUNE, control_number="2"), True),
            (said(control_number="1"), said("Dune!", author="A", control_number="1"), True),
            (said("Moby Dick", control_number="1001"), said("Cookbook", control_number="1001"), False),
            (said("Moby Dick", control_number="1001", isbn13=DUNE), said("Cookbook", control_number="1001"), False),
            (said(control_number="1", isbn13=DUNE), said(control_number="1", isbn13=EMMA), True),
            (said(control_number="1", isbn13=DUNE), said("Emma", control_number="1", isbn13=EMMA), False),
            (said(author="A", publication_year=1965), said("DUNE", author="a", publication_year=1965), True),
            (said(author="A", publication_year=1965), said(author="A", publication_year=1966), False),
            (said(author="A"), said(author="A", isbn13=DUNE), True),
            (said(isbn13=EMMA), said(isbn13=DUNE), False),
            (said(control_number="1"), said(control_number="2"), False),
            (said(isbn13=DUNE, control_number="1"), said(), True),
        ],
    )
    def test_isbn_then_control_number_then_title(
        self, library: Library, there: Described, comes: Described, same: bool
    ) -> None:
        library.load([there])
        (outcome,) = library.load([comes])

        assert (outcome is not Outcome.ADDED) == same

    def test_a_control_number_that_another_title_has_is_left_out(self, library: Library) -> None:
        library.load([said(control_number="1", isbn13=DUNE)])
        shelf = Shelf(library.known(set()), key_of, library.new_id)
        other = said("Emma", control_number="1", isbn13=EMMA)

        outcome, remarks = shelf.take(other, key_of(other.book))

        assert (outcome, [one.field for one in remarks]) == (Outcome.ADDED, ["control_number"])
        library.keep(shelf, set())


class TestWhatChanges:
    def test_what_the_record_says_replaces_and_what_it_is_silent_about_stays(self, library: Library) -> None:
        library.load([said(isbn13=DUNE, publisher="Chilton", description="Sand.", language="eng")])
        library.load([said(isbn13=DUNE, publisher="Ace")])

        assert library.only() == CatalogRecord(
            title="Dune", isbn13=DUNE, publisher="Ace", description="Sand.", language="eng"
        )

    def test_a_transcription_goes_with_its_title(self, library: Library) -> None:
        library.load([said("香港故事", title_romanized="Xianggang gu shi", isbn13=DUNE)])
        library.load([said("Hong Kong stories", isbn13=DUNE)])

        assert (library.only().title, library.only().title_romanized) == ("Hong Kong stories", None)

    def test_a_corrected_isbn_replaces_the_wrong_one_of_the_same_record(self, library: Library) -> None:
        library.load([said(control_number="1", isbn13=EMMA, isbn_given="0-14-143958-0")])
        library.load([said(control_number="1", isbn13=DUNE, isbn_given="0441172717")])

        assert (library.only().isbn13, library.only().isbn_given) == (DUNE, "0441172717")

    def test_another_spelling_of_an_isbn_changes_nothing(self, library: Library) -> None:
        library.load([said(isbn13=DUNE, isbn_given="0441172717")])

        assert library.load([said(isbn13=DUNE, isbn_given=DUNE)]) == [Outcome.UNCHANGED]

    def test_of_two_records_of_one_file_the_first_speaks_and_the_second_fills(self, library: Library) -> None:
        outcomes = library.load([
            said(isbn13=DUNE, publisher="Chilton"),
            said("Dune!", isbn13=DUNE, publisher="Ace", description="Sand."),
        ])  # fmt: skip

        assert outcomes == [Outcome.ADDED, Outcome.UPDATED]
        assert library.only() == CatalogRecord(title="Dune", isbn13=DUNE, publisher="Chilton", description="Sand.")


class TestCopies:
    def barcodes(self, library: Library) -> set[tuple[str | None, str | None]]:
        return {(copy.barcode, copy.shelf) for copy in library.copies.values()}

    def test_a_row_for_each_copy(self, library: Library) -> None:
        rows = [said(isbn13=DUNE, copies=CopyWish((Barcoded(code, "QA"),), 0, "QA")) for code in ("B01", "B02", "B01")]

        assert library.load(rows) == [Outcome.ADDED, Outcome.UPDATED, Outcome.UNCHANGED]
        assert self.barcodes(library) == {("B01", "QA"), ("B02", "QA")}

    def test_a_count_is_reached_not_added(self, library: Library) -> None:
        rows = [said(isbn13=DUNE, copies=CopyWish((Barcoded("B01"),), 3, "QA"))]

        assert library.load(rows) == [Outcome.ADDED]
        assert library.load(rows) == [Outcome.UNCHANGED]
        assert len(library.copies) == 3

    def test_a_copy_moves_to_the_shelf_that_the_file_says(self, library: Library) -> None:
        library.load([said(isbn13=DUNE, copies=CopyWish((Barcoded("B01", "QA"),)))])

        assert library.load([said(isbn13=DUNE, copies=CopyWish((Barcoded("B01", "PZ"),)))]) == [Outcome.UPDATED]
        assert self.barcodes(library) == {("B01", "PZ")}

    def test_a_barcode_of_another_title_is_left_out(self, library: Library) -> None:
        library.load([said(isbn13=DUNE, copies=CopyWish((Barcoded("B01"),)))])
        shelf = Shelf(library.known(set()), key_of, library.new_id)
        other = said("Emma", isbn13=EMMA, copies=CopyWish((Barcoded("B01"),)))

        _, remarks = shelf.take(other, key_of(other.book))

        assert [(one.field, one.value) for one in remarks] == [("barcode", "B01")]

    def test_the_call_number_is_the_shelf_where_none_is_named(self, library: Library) -> None:
        library.load([said(call_number="QA76", copies=CopyWish((Barcoded("B01"),), 2))])

        assert self.barcodes(library) == {("B01", "QA76"), (None, "QA76")}

    def test_only_new_titles_without_copies_get_the_usual_number(self, library: Library) -> None:
        library.load([said(isbn13=EMMA)])
        rows = [said(isbn13=DUNE), said("Emma", isbn13=EMMA), said(isbn13=DUNE)]

        library.load(rows, default_copies=2)
        library.load(rows, default_copies=2)

        assert len(library.copies) == 2


# Whatever a file says: importing it again changes nothing, and where a batch ends is no matter.

ISBNS = st.sampled_from([None, None, "9780000000001", "9780000000002", "9780000000003"])
CONTROLS = st.sampled_from([None, None, "c1", "c2", "c3"])
TEXTS = st.sampled_from([None, "x", "y"])
WISHES = st.one_of(
    st.none(),
    st.builds(
        CopyWish,
        st.lists(st.builds(Barcoded, st.sampled_from(["B01", "B02", "B03"]), TEXTS), max_size=2).map(tuple),
        st.integers(0, 3),
        TEXTS,
    ),
)
RECORDS = st.lists(
    st.builds(
        said,
        st.sampled_from(["Dune", "dune", "Emma"]),
        WISHES,
        author=TEXTS,
        publication_year=st.sampled_from([None, 1965]),
        isbn13=ISBNS,
        control_number=CONTROLS,
        publisher=TEXTS,
        title_romanized=TEXTS,
        author_romanized=TEXTS,
        isbns_invalid=st.sampled_from([(), ("1",), ("2",)]),
    ),
    max_size=9,
)


@settings(max_examples=600, deadline=None)
@given(RECORDS, RECORDS)
def test_the_same_file_again_changes_nothing(before: list[Described], file: list[Described]) -> None:
    library = Library()
    library.load(before)
    library.load(file)
    state, versions = library.state(), dict(library.versions)

    outcomes = library.load(file)

    assert set(outcomes) <= {Outcome.UNCHANGED}
    assert (library.state(), library.versions) == (state, versions)


@settings(max_examples=300, deadline=None)
@given(RECORDS, RECORDS, st.integers(1, 9))
def test_where_a_batch_ends_is_no_matter(before: list[Described], file: list[Described], batch: int) -> None:
    at_once, in_parts = Library(), Library()
    results = []
    for library, size in ((at_once, 1000), (in_parts, batch)):
        library.load(before)
        results.append((library.load(file, batch=size), library.state()))

    assert results[0] == results[1]


def test_a_change_makes_a_title_found_under_its_new_name(library: Library) -> None:
    """A record may name in the same batch what one before it renamed."""
    library.load([said(isbn13=DUNE)])

    outcomes = library.load(
        [said("Dune Messiah", isbn13=DUNE, author="Herbert"), said("Dune Messiah", author="Herbert")]
    )

    assert outcomes == [Outcome.UPDATED, Outcome.UNCHANGED]


def test_records_know_nothing_of_each_other(library: Library) -> None:
    one = said(isbn13=DUNE)

    library.load([one])

    assert one == said(isbn13=DUNE)
    assert replace(one.book) == one.book
