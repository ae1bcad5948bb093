"""Real transactions at the same moment: one wins, the other is told the truth."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text

from luna_web.book import service
from luna_web.book.domain import CopyStatus
from luna_web.book.errors import BookInUse, BookNotFound
from luna_web.book.models import Copy, TitleStatus
from luna_web.book.service import copies, titles
from luna_web.book.service.cataloguing import Cataloguer
from luna_web.delivery.circulation import LoansAndRequests
from luna_web.shared.audit import RequestMeta
from luna_web.shared.clock import SystemClock
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.principal import Role
from tests.integration.web.book.test_service import wait_for_lock
from tests.integration.world import Api, Catalog, People, data

Call = Any


def at_once(*calls: Call) -> list[httpx.Response]:
    start = Barrier(len(calls))

    def run(call: Call) -> httpx.Response:
        start.wait(60)
        answer: httpx.Response = call()
        return answer

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def codes(answers: list[httpx.Response]) -> list[str]:
    return sorted(str(one.status_code) if one.is_success else one.json()["error"]["code"] for one in answers)


def test_of_two_librarians_who_saw_the_same_version_one_changes_it(people: People, catalog: Catalog) -> None:
    book = catalog.add("Dune")
    one, other = (people.make(Role.LIBRARIAN).api for _ in range(2))

    answers = at_once(
        *(partial(api.put, f"/books/{book}", {"title": name}, headers={"If-Match": '"1"'})
          for api, name in ((one, "Mine"), (other, "Theirs")))
    )  # fmt: skip

    assert codes(answers) == ["200", "PRECONDITION_FAILED"]
    won = next(answer for answer in answers if answer.is_success)
    assert data(one.get(f"/books/{book}"))["title"] == data(won)["title"]


def test_an_isbn_goes_to_one_of_many(librarian: Api, session_factory: SessionFactory) -> None:
    wish = {"title": "Dune", "isbn": "0441172717"}

    assert codes(at_once(*[partial(librarian.post, "/books", wish)] * 6)) == ["201"] + ["ISBN_TAKEN"] * 5
    with transaction(session_factory) as session:
        assert session.scalar(text("SELECT count(*) FROM copies")) == 1


def test_a_barcode_goes_to_one_of_many(librarian: Api, catalog: Catalog) -> None:
    books = [catalog.add() for _ in range(4)]

    answers = at_once(*(partial(librarian.post, f"/books/{book}/copies", {"barcode": "SAME"}) for book in books))

    assert codes(answers) == ["201"] + ["BARCODE_TAKEN"] * 3


def test_no_two_titles_get_one_barcode(librarian: Api, session_factory: SessionFactory) -> None:
    answers = at_once(*[partial(librarian.post, "/books", {"title": "Dune", "copies": 5})] * 6)

    assert codes(answers) == ["201"] * 6
    with transaction(session_factory) as session:
        barcodes = session.scalars(select(Copy.barcode)).all()
    assert len(set(barcodes)) == len(barcodes) == 30


class TestDeletedWhileRequested:
    @pytest.fixture
    def book(self, catalog: Catalog) -> UUID:
        return catalog.add()

    def desk(self, session: Any, people: People) -> Cataloguer:
        return Cataloguer(session, people.make(Role.LIBRARIAN).principal, RequestMeta(), LoansAndRequests())

    def test_who_asks_while_the_title_is_being_deleted_finds_no_book(
        self, session_factory: SessionFactory, people: People, book: UUID
    ) -> None:
        with ThreadPoolExecutor(1) as pool, session_factory() as deleting:
            titles.delete(self.desk(deleting, people), book, SystemClock().now(), None)
            asking = pool.submit(self.reserve, session_factory, book)
            wait_for_lock(session_factory)
            deleting.commit()

            with pytest.raises(BookNotFound):
                asking.result(60)

    def test_a_title_whose_last_copy_is_being_taken_stays(
        self, session_factory: SessionFactory, people: People, book: UUID
    ) -> None:
        with ThreadPoolExecutor(1) as pool, session_factory() as asking:
            service.reserve_copy(asking, book)
            deleting = pool.submit(self.delete, session_factory, people, book)
            wait_for_lock(session_factory)
            asking.commit()

            with pytest.raises(BookInUse):
                deleting.result(60)

    def test_a_copy_is_not_added_to_a_title_that_goes(
        self, session_factory: SessionFactory, people: People, book: UUID
    ) -> None:
        from luna_web.book.schemas import NewCopy

        def add() -> object:
            with transaction(session_factory) as session:
                return copies.add(self.desk(session, people), book, NewCopy())

        with ThreadPoolExecutor(1) as pool, session_factory() as deleting:
            titles.delete(self.desk(deleting, people), book, SystemClock().now(), None)
            adding = pool.submit(add)
            wait_for_lock(session_factory)
            deleting.commit()

            with pytest.raises(BookNotFound):
                adding.result(60)

    @staticmethod
    def reserve(factory: SessionFactory, book: UUID) -> CopyStatus:
        with transaction(factory) as session:
            return service.reserve_copy(session, book).status

    def delete(self, factory: SessionFactory, people: People, book: UUID) -> None:
        with transaction(factory) as session:
            titles.delete(self.desk(session, people), book, SystemClock().now(), None)


def test_two_copies_of_a_title_that_move_at_once_are_both_counted(
    session_factory: SessionFactory, catalog: Catalog
) -> None:
    """Neither transaction sees the other's copy move, yet the title ends with none on the shelf."""
    book = catalog.add(copies=2)
    with ThreadPoolExecutor(1) as pool, session_factory() as first:
        service.reserve_copy(first, book)
        second = pool.submit(TestDeletedWhileRequested.reserve, session_factory, book)
        wait_for_lock(session_factory)
        first.commit()
        assert second.result(60) is CopyStatus.RESERVED

    with transaction(session_factory) as session:
        counted = session.get_one(TitleStatus, book)
        assert (counted.available, counted.reserved, counted.status) == (0, 2, "RESERVED")
