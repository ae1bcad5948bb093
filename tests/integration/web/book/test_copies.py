"""Copies as librarians add, change and remove them."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from luna_web.book.domain import CopyStatus
from luna_web.shared.database import SessionFactory
from tests.integration.web.book.test_titles import events_of
from tests.integration.world import Api, Catalog, data, refused

HELD = [CopyStatus.RESERVED, CopyStatus.ON_ROBOT, CopyStatus.CHECKED_OUT]


def copies_of(librarian: Api, book: UUID) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(librarian.get(f"/books/{book}/copies"))
    return found


def path_of(librarian: Api, book: UUID) -> str:
    """Of the only copy of a title."""
    (copy,) = copies_of(librarian, book)
    return f"/books/{book}/copies/{copy['id']}"


class TestAdd:
    def test_a_copy_with_a_barcode_from_the_desk(
        self, librarian: Api, catalog: Catalog, session_factory: SessionFactory
    ) -> None:
        book = catalog.add(copies=0)
        wish = {"barcode": "LUNA-1", "shelf_location": "QA1", "home_desk": "DESK-1"}

        copy = data(librarian.post(f"/books/{book}/copies", wish), 201)

        assert {name: copy[name] for name in wish} == wish
        assert (copy["status"], copy["version"]) == ("AVAILABLE", 1)
        assert data(librarian.get(f"/books/{book}"))["status"] == "AVAILABLE"
        assert events_of(session_factory, f"copy:{copy['id']}") == [("catalog.book.copy_added", 1)]

    def test_one_that_is_not_ready_says_why(self, librarian: Api, catalog: Catalog) -> None:
        book = catalog.add(copies=0)
        wish = {"status": "UNAVAILABLE", "status_reason": "IN_PROCESS"}

        assert data(librarian.post(f"/books/{book}/copies", wish), 201)["status_reason"] == "IN_PROCESS"

    def test_a_barcode_is_one_copys(self, librarian: Api, catalog: Catalog) -> None:
        book = catalog.add(copies=0)
        data(librarian.post(f"/books/{book}/copies", {"barcode": "LUNA-1"}), 201)

        refused(librarian.post(f"/books/{book}/copies", {"barcode": "LUNA-1"}), 409, "BARCODE_TAKEN")

    @pytest.mark.parametrize(
        "wish",
        [{"barcode": "x"}, {"barcode": "ÄÖÜ"}, {"barcode": "a" * 33}, {"status": "RESERVED"}, {"status": "UNAVAILABLE"},
         {"status_reason": "LOST"}, {"shelf_location": "x" * 101}, {"home_desk": "\x00"}],
    )  # fmt: skip
    def test_what_is_no_copy(self, librarian: Api, catalog: Catalog, wish: dict[str, str]) -> None:
        refused(librarian.post(f"/books/{catalog.add()}/copies", wish), 422, "VALIDATION_ERROR")

    def test_of_a_book_that_is_not_there(self, librarian: Api) -> None:
        refused(librarian.post(f"/books/{uuid4()}/copies", {}), 404, "NOT_FOUND")
        refused(librarian.get(f"/books/{uuid4()}/copies"), 404, "NOT_FOUND")


class TestChange:
    def test_a_copy_moves_to_another_shelf(
        self, librarian: Api, catalog: Catalog, session_factory: SessionFactory
    ) -> None:
        path = path_of(librarian, catalog.add())

        answer = librarian.put(path, {"shelf_location": "PZ3", "home_desk": None, "barcode": "NEW-1"})

        copy = data(answer)
        assert (copy["shelf_location"], copy["home_desk"], copy["barcode"]) == ("PZ3", None, "NEW-1")
        assert answer.headers["ETag"] == '"2"'
        assert events_of(session_factory, f"copy:{copy['id']}") == [("catalog.book.copy_updated", 2)]

    def test_it_gets_lost_and_is_found(self, librarian: Api, catalog: Catalog, session_factory: SessionFactory) -> None:
        path = path_of(librarian, catalog.add())
        data(librarian.put(path, {"status": "UNAVAILABLE", "status_reason": "MISSING"}))
        data(librarian.put(path, {"status": "UNAVAILABLE", "status_reason": "LOST"}))

        found = data(librarian.put(path, {"status": "AVAILABLE"}))

        assert (found["status"], found["status_reason"], found["version"]) == ("AVAILABLE", None, 4)
        assert events_of(session_factory, f"copy:{found['id']}") == [
            ("catalog.book.copy_status_changed", version) for version in (2, 3, 4)
        ]

    def test_asking_for_what_is_so_changes_nothing(self, librarian: Api, catalog: Catalog) -> None:
        assert data(librarian.put(path_of(librarian, catalog.add()), {"status": "AVAILABLE"}))["version"] == 1

    @pytest.mark.parametrize("status", HELD)
    def test_what_a_reader_or_robot_has_is_not_moved_by_hand(
        self, librarian: Api, catalog: Catalog, status: CopyStatus
    ) -> None:
        path = path_of(librarian, catalog.add(copies=(status,)))

        refused(librarian.put(path, {"status": "AVAILABLE"}), 409, "BOOK_IN_USE")
        refused(librarian.delete(path), 409, "BOOK_IN_USE")
        assert data(librarian.put(path, {"shelf_location": "QA2"}))["status"] == status

    @pytest.mark.parametrize("status", HELD)
    def test_nobody_lends_by_hand(self, librarian: Api, catalog: Catalog, status: CopyStatus) -> None:
        path = path_of(librarian, catalog.add())

        details = refused(librarian.put(path, {"status": status}), 409, "ILLEGAL_TRANSITION")

        assert details["allowed"] == ["UNAVAILABLE"]

    @pytest.mark.parametrize(
        "wish",
        [{"status": "UNAVAILABLE"}, {"status": "AVAILABLE", "status_reason": "LOST"}, {"status_reason": "LOST"},
         {"barcode": None}, {"status": "ELSEWHERE"}],
    )  # fmt: skip
    def test_a_status_and_its_reason_belong_together(
        self, librarian: Api, catalog: Catalog, wish: dict[str, Any]
    ) -> None:
        refused(librarian.put(path_of(librarian, catalog.add()), wish), 422, "VALIDATION_ERROR")

    def test_anothers_barcode(self, librarian: Api, catalog: Catalog) -> None:
        taken = copies_of(librarian, catalog.add())[0]["barcode"]

        refused(librarian.put(path_of(librarian, catalog.add()), {"barcode": taken}), 409, "BARCODE_TAKEN")

    def test_a_copy_of_another_title_is_not_there(self, librarian: Api, catalog: Catalog) -> None:
        copy = copies_of(librarian, catalog.add())[0]["id"]

        refused(librarian.put(f"/books/{catalog.add()}/copies/{copy}", {"shelf_location": "QA"}), 404, "NOT_FOUND")

    def test_an_older_version(self, librarian: Api, catalog: Catalog) -> None:
        path = path_of(librarian, catalog.add())

        refused(librarian.put(path, {"shelf_location": "QA"}, headers={"If-Match": '"9"'}), 412, "PRECONDITION_FAILED")


class TestDelete:
    def test_it_is_gone_and_its_barcode_is_free(self, librarian: Api, catalog: Catalog) -> None:
        book = catalog.add(copies=2)
        first, second = copies_of(librarian, book)

        data(librarian.delete(f"/books/{book}/copies/{first['id']}"))

        assert copies_of(librarian, book) == [second]
        refused(librarian.delete(f"/books/{book}/copies/{first['id']}"), 404, "NOT_FOUND")
        data(librarian.post(f"/books/{book}/copies", {"barcode": first["barcode"]}), 201)
