"""The catalog over HTTP."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import uuid4

import pytest

from luna_web.book.domain import CopyStatus
from tests.integration.world import Api, Catalog, data, refused


class TestGet:
    def test_a_book_is_shown_with_what_its_copies_come_to(self, student: Api, catalog: Catalog) -> None:
        book = catalog.add(
            "Dune", author="Herbert, Frank", isbn13="9780441172719", publication_year=1965,
            copies=(CopyStatus.AVAILABLE, CopyStatus.RESERVED),
        )  # fmt: skip

        answer = student.get(f"/books/{book}")

        shown = data(answer)
        assert (shown["title"], shown["isbn"], shown["status"]) == ("Dune", "978-0-441-17271-9", "AVAILABLE")
        assert (shown["copies_total"], shown["copies_available"]) == (2, 1)
        assert answer.headers["ETag"] == '"1"'

    def test_an_id_that_is_no_books_is_not_found(self, student: Api) -> None:
        refused(student.get(f"/books/{uuid4()}"), 404, "NOT_FOUND")

    @pytest.mark.parametrize("nonsense", ["42", "99999999999999999999", "not-an-id", "%00"])
    def test_an_id_that_cannot_be_one_is_not_found(self, student: Api, nonsense: str) -> None:
        refused(student.get(f"/books/{nonsense}"), 404, "NOT_FOUND")

    @pytest.mark.parametrize("spelling", ["0-441-17271-7", "0441172717", "978 0 441 17271 9", "ISBN 9780441172719"])
    def test_an_isbn_is_found_in_any_spelling(self, student: Api, catalog: Catalog, spelling: str) -> None:
        book = catalog.add("Dune", isbn13="9780441172719")

        assert data(student.get(f"/books/isbn/{spelling}"))["id"] == str(book)

    def test_a_title_is_found_by_every_isbn_that_it_has(self, student: Api, catalog: Catalog) -> None:
        book = catalog.add("Dune", isbn13="9780441172719", isbns_other=["9780340960196"])

        assert data(student.get("/books/isbn/0-340-96019-1"))["id"] == str(book)
        for asked in ({"q": "978-0340960196"}, {"isbn": "0340960191"}):
            assert [row["id"] for row in data(student.get("/books", params=asked))] == [str(book)]

    def test_an_isbn_with_a_wrong_check_digit_is_told_so(self, student: Api) -> None:
        refused(student.get("/books/isbn/9780441172718"), 422, "ISBN_INVALID")

    def test_availability_counts_the_copies(self, student: Api, catalog: Catalog) -> None:
        book = catalog.add(copies=(CopyStatus.CHECKED_OUT, CopyStatus.ON_ROBOT))

        found = data(student.get(f"/books/{book}/availability"))

        assert found == {
            "book_id": str(book),
            "status": "RESERVED",
            "copies_total": 2,
            "copies_available": 0,
            "next_due_at": None,
            "queue_length": 0,
        }


class TestList:
    def titles(self, api: Api, **params: object) -> list[str]:
        return [book["title"] for book in data(api.get("/books", params=params))]

    def test_without_a_search_titles_come_by_name_whatever_their_accents(self, student: Api, catalog: Catalog) -> None:
        for title in ("Zebra", "Élan", "apple", "Dune"):
            catalog.add(title)

        assert self.titles(student) == ["apple", "Dune", "Élan", "Zebra"]

    @pytest.mark.parametrize(
        ("typed", "found"),
        [
            ("war peace", ["War and Peace"]),
            ("WAR pea", ["War and Peace"]),
            ("tolst", ["War and Peace"]),
            ("capek", ["R.U.R."]),
            ("Čapek", ["R.U.R."]),
            ("война", ["Война и мир"]),
            ("Voĭna i mir", ["Война и мир"]),
            ("978-0-441-17271-9", ["Dune"]),
            ("0441172717", ["Dune"]),
            ("peace dune", []),
            ("&|!():*<-> ' \\", []),
        ],
    )
    def test_a_search_finds_what_a_reader_means(
        self, student: Api, catalog: Catalog, typed: str, found: list[str]
    ) -> None:
        catalog.add("War and Peace", author="Tolstoy, Leo")
        catalog.add("R.U.R.", author="Čapek, Karel")
        catalog.add("Война и мир", title_romanized="Voĭna i mir")
        catalog.add("Dune", isbn13="9780441172719")

        assert self.titles(student, q=typed) == found

    def test_a_title_that_says_it_ranks_before_a_description_that_mentions_it(
        self, student: Api, catalog: Catalog
    ) -> None:
        catalog.add("Gardens", description="Roses and robots")
        catalog.add("Robots")

        assert self.titles(student, q="robots") == ["Robots", "Gardens"]

    def test_filters_narrow_the_list(self, student: Api, catalog: Catalog) -> None:
        catalog.add("Old", publication_year=1900, author="Smith, A.", shelf_location="QA1", publisher="Knopf")
        catalog.add(
            "New", publication_year=2000, author="Jones, B.", shelf_location="PZ3", copies=(CopyStatus.RESERVED,)
        )
        catalog.add("None", copies=0)

        assert self.titles(student, year_from=1950) == ["New"]
        assert self.titles(student, year_to=1950) == ["Old"]
        assert self.titles(student, author="jones") == ["New"]
        assert self.titles(student, title="old") == ["Old"]
        assert self.titles(student, publisher="knopf") == ["Old"]
        assert self.titles(student, shelf_location="QA") == ["Old"]
        assert self.titles(student, status="AVAILABLE") == ["Old"]
        assert self.titles(student, status="RESERVED") == ["New"]
        assert self.titles(student, status="UNAVAILABLE") == ["None"]

    def test_pages_repeat_and_skip_nothing(self, student: Api, catalog: Catalog) -> None:
        for _ in range(7):
            catalog.add("Same title")

        pages = [student.get("/books", params={"page": page, "limit": 3}).json() for page in (1, 2, 3)]

        ids = [book["id"] for page in pages for book in page["data"]]
        assert len(set(ids)) == len(ids) == 7
        assert pages[0]["pagination"] == {"page": 1, "limit": 3, "total": 7, "total_pages": 3, "total_capped": False}

    def test_the_newest_first(self, student: Api, catalog: Catalog) -> None:
        for title in ("First", "Second"):
            catalog.add(title)

        assert self.titles(student, sort="created_at", order="desc") == ["Second", "First"]

    def test_an_unknown_sort_names_the_allowed(self, student: Api) -> None:
        details = refused(student.get("/books", params={"sort": "colour"}), 422, "VALIDATION_ERROR")

        assert details["fields"]["sort"] == ["must be one of: author, created_at, publication_year, title"]

    @pytest.mark.parametrize("params", [{"page": 0}, {"limit": 101}, {"page": 1000, "limit": 100}, {"q": "a\x00b"}])
    def test_what_is_out_of_bounds_is_refused(self, student: Api, params: dict[str, str]) -> None:
        refused(student.get("/books", params=params), 422, "VALIDATION_ERROR")

    @pytest.mark.parametrize("params", [{}, {"q": "robots"}])
    def test_a_list_takes_as_many_queries_for_many_books_as_for_one(
        self,
        student: Api,
        catalog: Catalog,
        queries: Callable[[], AbstractContextManager[list[str]]],
        params: dict[str, str],
    ) -> None:
        counts = []
        for _ in range(2):
            for _ in range(5):
                catalog.add("Robots", copies=3)
            with queries() as seen:
                student.get("/books", params=params)
            counts.append(len(seen))

        assert counts[0] == counts[1] <= 4
