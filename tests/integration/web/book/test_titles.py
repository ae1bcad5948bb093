"""Titles as librarians make, change and remove them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql

from luna_web.book.domain import CopyStatus
from luna_web.book.models import Book, Copy
from luna_web.book.repository.titles import _BY_ANY_ISBN
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.models import AuditLog, Outbox
from tests.integration.world import Api, Catalog, data, refused

DUNE = {"title": "Dune", "author": "Herbert, Frank", "isbn": "0-441-17271-7", "publication_year": 1965}


def events_of(factory: SessionFactory, aggregate: str) -> list[tuple[str, int]]:
    with transaction(factory) as session:
        query = select(Outbox).where(Outbox.aggregate.startswith(aggregate)).order_by(Outbox.position)
        return [(event.event_type, event.aggregate_seq) for event in session.scalars(query)]


def audited(factory: SessionFactory, action: str) -> list[dict[str, Any]]:
    with transaction(factory) as session:
        return [row.changes for row in session.scalars(select(AuditLog).where(AuditLog.action == action))]


class TestCreate:
    def test_a_title_stands_on_the_shelf_with_a_barcode_of_its_own(self, librarian: Api) -> None:
        answer = librarian.post("/books", {**DUNE, "shelf_location": "PS3558 .E63", "copies": 2})

        book = data(answer, 201)
        assert answer.headers["Location"] == f"/api/v1/books/{book['id']}"
        assert answer.headers["ETag"] == '"1"'
        assert (book["isbn"], book["status"], book["copies_total"]) == ("978-0-441-17271-9", "AVAILABLE", 2)
        assert data(librarian.get(f"/books/{book['id']}")) == book
        copies = data(librarian.get(f"/books/{book['id']}/copies"))
        assert len({copy["barcode"] for copy in copies}) == 2
        assert {copy["shelf_location"] for copy in copies} == {"PS3558 .E63"}

    def test_it_can_be_there_before_its_copies(self, librarian: Api) -> None:
        book = data(librarian.post("/books", {"title": "Dune", "copies": 0}), 201)

        assert (book["status"], book["copies_total"]) == ("UNAVAILABLE", 0)

    def test_it_is_told_and_written_down(self, librarian: Api, session_factory: SessionFactory) -> None:
        book = data(librarian.post("/books", DUNE), 201)

        assert events_of(session_factory, f"book:{book['id']}") == [("catalog.book.created", 1)]
        assert events_of(session_factory, "copy:") == [("catalog.book.copy_added", 1)]
        assert audited(session_factory, "book.create") == [DUNE]

    def test_the_same_key_makes_it_once(self, librarian: Api) -> None:
        first, again = (librarian.post("/books", DUNE, headers={"Idempotency-Key": "k-1"}) for _ in range(2))

        assert data(first, 201) == data(again, 201)
        assert again.headers["Idempotency-Replayed"] == "true"

    def test_an_isbn_is_one_titles(self, librarian: Api) -> None:
        first = data(librarian.post("/books", DUNE), 201)

        details = refused(librarian.post("/books", {"title": "Again", "isbn": "978 0441172719"}), 409, "ISBN_TAKEN")

        assert details == {"book_id": first["id"]}

    def test_an_isbn_with_a_wrong_check_digit(self, librarian: Api) -> None:
        refused(librarian.post("/books", {"title": "Dune", "isbn": "0441172718"}), 422, "ISBN_INVALID")

    def test_a_barcode_that_somebody_gave_already_is_left_out(
        self, librarian: Api, session_factory: SessionFactory
    ) -> None:
        book = data(librarian.post("/books", DUNE), 201)
        number = int(data(librarian.get(f"/books/{book['id']}/copies"))[0]["barcode"][5:13])
        from luna_web.book.barcodes import item_barcode

        data(librarian.post(f"/books/{book['id']}/copies", {"barcode": item_barcode(number + 1)}), 201)

        data(librarian.post(f"/books/{book['id']}/copies", {}), 201)
        copies = data(librarian.get(f"/books/{book['id']}/copies"))
        assert [int(copy["barcode"][5:13]) - number for copy in copies] == [0, 1, 2]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("title", ""),
            ("title", " \u200e "),
            ("title", None),
            ("title", "x" * 1001),
            ("title", "a\x00b"),
            ("title", 7),
            ("author", "x" * 501),
            ("description", "x" * 20_001),
            ("publication_year", -1),
            ("publication_year", 10_000),
            ("publication_year", "1965"),
            ("publication_year", 10**30),
            ("publication_year", 1965.5),
            ("language", "english"),
            ("cover_image_url", "javascript:alert(1)"),
            ("cover_image_url", "http://"),
            ("cover_image_url", "https://user:secret@example.org/"),
            ("cover_image_url", "https://example.org/a b"),
            ("cover_image_url", "http://[::1"),
            ("cover_image_url", "https://example.org/" + "x" * 2000),
            ("copies", 101),
            ("copies", -1),
            ("copies", True),
            ("isbn", ["0441172717"]),
            ("surprise", 1),
        ],
    )
    def test_what_cannot_be_stored_is_refused_by_name(self, librarian: Api, field: str, value: object) -> None:
        details = refused(librarian.post("/books", {"title": "Dune", field: value}), 422, "VALIDATION_ERROR")

        assert list(details["fields"]) == [field]

    def test_further_isbns_are_kept_once_and_beside_the_first(self, librarian: Api, student: Api) -> None:
        others = ["0-306-40615-2", "9780306406157", "978 0441172719"]
        book = data(librarian.post("/books", DUNE | {"isbns_other": others}), 201)

        assert (book["isbn"], book["isbns_other"]) == ("978-0-441-17271-9", ["978-0-306-40615-7"])
        found = student.get("/books", params={"isbn": "0306406152"}).json()["data"]
        assert [one["id"] for one in found] == [book["id"]]

    def test_a_further_isbn_with_a_wrong_check_digit(self, librarian: Api) -> None:
        wish = DUNE | {"isbns_other": ["0306406152", "0306406153"]}

        refused(librarian.post("/books", wish), 422, "ISBN_INVALID")

    def test_further_isbns_need_a_first_one(self, librarian: Api) -> None:
        wish = {"title": "Dune", "isbns_other": ["0306406152"]}

        details = refused(librarian.post("/books", wish), 422, "VALIDATION_ERROR")

        assert list(details["fields"]) == ["isbns_other"]

    def test_text_is_stored_tidy(self, librarian: Api) -> None:
        book = data(librarian.post("/books", {"title": " Cafe\u0301\t  au\nlait\u200b "}), 201)

        assert book["title"] == "Café au lait"


class TestChange:
    def test_what_is_sent_changes_and_nothing_else(self, librarian: Api, session_factory: SessionFactory) -> None:
        book = data(librarian.post("/books", DUNE), 201)

        changed = data(librarian.put(f"/books/{book['id']}", {"title": "Dune Messiah", "author": None}))

        assert (changed["title"], changed["author"], changed["publication_year"]) == ("Dune Messiah", None, 1965)
        assert (changed["isbn"], changed["version"]) == (book["isbn"], 2)
        assert changed["updated_at"] > book["updated_at"]
        assert data(librarian.get(f"/books/{book['id']}")) == changed
        assert events_of(session_factory, f"book:{book['id']}")[-1] == ("catalog.book.updated", 2)
        assert audited(session_factory, "book.update") == [
            {"title": ["Dune", "Dune Messiah"], "author": ["Herbert, Frank", None]}
        ]

    def test_what_changes_nothing_raises_no_version(self, librarian: Api) -> None:
        book = data(librarian.post("/books", DUNE), 201)

        assert data(librarian.put(f"/books/{book['id']}", DUNE)) == book
        assert data(librarian.put(f"/books/{book['id']}", {})) == book

    def test_a_change_that_builds_on_an_older_version_is_refused(self, librarian: Api, catalog: Catalog) -> None:
        book = catalog.add("Dune")
        seen = librarian.get(f"/books/{book}").headers["ETag"]
        data(librarian.put(f"/books/{book}", {"title": "Mine"}, headers={"If-Match": seen}))

        details = refused(
            librarian.put(f"/books/{book}", {"title": "Theirs"}, headers={"If-Match": seen}), 412, "PRECONDITION_FAILED"
        )

        assert details == {"current_etag": '"2"'}
        assert data(librarian.get(f"/books/{book}"))["title"] == "Mine"

    def test_without_an_etag_the_last_one_wins(self, librarian: Api, catalog: Catalog) -> None:
        book = catalog.add("Dune")
        for title in ("First", "Second"):
            changed = data(librarian.put(f"/books/{book}", {"title": title}))

        assert (changed["title"], changed["version"]) == ("Second", 3)

    def test_further_isbns_are_replaced_emptied_and_give_way_to_the_first(self, librarian: Api) -> None:
        book = data(librarian.post("/books", DUNE | {"isbns_other": ["0306406152"]}), 201)

        def put(**wish: object) -> tuple[str | None, list[str], int]:
            now = data(librarian.put(f"/books/{book['id']}", wish))
            return now["isbn"], now["isbns_other"], now["version"]

        assert put(author="Herbert") == ("978-0-441-17271-9", ["978-0-306-40615-7"], 2)
        assert put(isbns_other=["978-0306406157"]) == ("978-0-441-17271-9", ["978-0-306-40615-7"], 2)
        refused(librarian.put(f"/books/{book['id']}", {"isbn": None}), 422, "VALIDATION_ERROR")
        assert put(isbn="0306406152") == ("978-0-306-40615-7", [], 3)
        assert put(isbn=None, isbns_other=None) == (None, [], 4)

    def test_anothers_isbn_is_refused(self, librarian: Api, catalog: Catalog) -> None:
        catalog.add("Dune", isbn13="9780441172719")
        other = catalog.add("Other")

        refused(librarian.put(f"/books/{other}", {"isbn": "0441172717"}), 409, "ISBN_TAKEN")

    def test_a_title_cannot_be_emptied(self, librarian: Api, catalog: Catalog) -> None:
        refused(librarian.put(f"/books/{catalog.add()}", {"title": None}), 422, "VALIDATION_ERROR")

    def test_a_book_that_is_not_there(self, librarian: Api) -> None:
        refused(librarian.put(f"/books/{uuid4()}", {"title": "Dune"}), 404, "NOT_FOUND")


class TestDelete:
    def test_it_is_gone_with_its_copies_and_its_isbn_is_free(
        self, librarian: Api, catalog: Catalog, session_factory: SessionFactory
    ) -> None:
        book = catalog.add("Dune", isbn13="9780441172719", copies=2)

        data(librarian.delete(f"/books/{book}"))

        refused(librarian.get(f"/books/{book}"), 404, "NOT_FOUND")
        assert data(librarian.get("/books", params={"q": "dune"})) == []
        refused(librarian.delete(f"/books/{book}"), 404, "NOT_FOUND")
        data(librarian.post("/books", DUNE), 201)
        with transaction(session_factory) as session:
            assert session.scalars(select(Book.deleted_at).where(Book.id == book)).one() is not None
            assert None not in session.scalars(select(Copy.deleted_at).where(Copy.book_id == book)).all()
        assert events_of(session_factory, f"book:{book}") == [("catalog.book.deleted", 2)]

    @pytest.mark.parametrize("status", [CopyStatus.RESERVED, CopyStatus.ON_ROBOT, CopyStatus.CHECKED_OUT])
    def test_while_somebody_has_a_copy_it_stays(self, librarian: Api, catalog: Catalog, status: CopyStatus) -> None:
        book = catalog.add(copies=(CopyStatus.AVAILABLE, status))

        details = refused(librarian.delete(f"/books/{book}"), 409, "BOOK_IN_USE")

        assert len(details["barcodes"]) == 1
        data(librarian.get(f"/books/{book}"))

    def test_an_older_version_is_not_deleted(self, librarian: Api, catalog: Catalog) -> None:
        refused(librarian.delete(f"/books/{catalog.add()}", headers={"If-Match": '"7"'}), 412, "PRECONDITION_FAILED")


class TestSeenAlready:
    def test_the_record_that_was_seen_is_not_sent_again(self, student: Api, catalog: Catalog) -> None:
        book = catalog.add()
        seen = student.get(f"/books/{book}")

        answer = student.get(f"/books/{book}", headers={"If-None-Match": seen.headers["ETag"]})

        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == seen.headers["ETag"]
        assert seen.headers["Cache-Control"] == "no-store"


class TestAvailability:
    def test_alone_the_catalog_tells_what_its_copies_tell(
        self, serve: Callable[..., Api], student: Api, catalog: Catalog
    ) -> None:
        from luna_web.book.app import SERVICE

        book = catalog.add(copies=(CopyStatus.CHECKED_OUT,))
        alone = serve([SERVICE]).as_token(student.token or "")

        found = data(alone.get(f"/books/{book}/availability"))

        assert (found["status"], found["copies_total"]) == ("CHECKED_OUT", 1)


def test_a_title_is_read_with_its_copies_in_one_query(
    student: Api, catalog: Catalog, queries: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    book: UUID = catalog.add(copies=3)

    with queries() as seen:
        assert data(student.get(f"/books/{book}"))["copies_total"] == 3

    assert len(seen) == 1


def test_titles_are_not_gone_through_in_their_order_for_an_isbn(session_factory: SessionFactory) -> None:
    """Nor by a plan for any ISBN, which a prepared statement may get, and where nothing is dearer than to sort."""
    statement = _BY_ANY_ISBN.compile(dialect=postgresql.dialect(paramstyle="numeric_dollar"))  # type: ignore[no-untyped-call]
    with transaction(session_factory) as session:
        session.execute(text("SET LOCAL enable_sort = off"))
        cursor = session.connection().connection.cursor()
        cursor.execute(f"EXPLAIN (GENERIC_PLAN) {statement}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Sort Key: having_isbn.id" in plan, plan
