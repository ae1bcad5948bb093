"""Rules of copies, for the services that move them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from luna_web.book import service
from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.book.errors import BookNotAvailable, BookNotFound, CopyNotFound
from luna_web.book.models import Copy
from luna_web.shared.appending import write_appended
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.errors import IllegalTransition
from luna_web.shared.models import Outbox
from tests.integration.world import Catalog


def only_copy(session: Session, book: UUID) -> UUID:
    return session.scalars(select(Copy.id).where(Copy.book_id == book)).one()


class TestReserve:
    def test_a_free_copy_is_reserved_and_an_event_says_so(self, session: Session, catalog: Catalog) -> None:
        copy = service.reserve_copy(session, catalog.add())

        assert copy.status is CopyStatus.RESERVED
        write_appended(session)
        event = session.scalars(select(Outbox)).one()
        assert (event.event_type, event.aggregate, event.aggregate_seq) == (
            "catalog.book.copy_status_changed",
            f"copy:{copy.id}",
            copy.version,
        )

    def test_none_free_tells_how_the_title_stands(self, session: Session, catalog: Catalog) -> None:
        book = catalog.add(copies=(CopyStatus.CHECKED_OUT, CopyStatus.UNAVAILABLE))

        with pytest.raises(BookNotAvailable) as refused:
            service.reserve_copy(session, book)

        assert refused.value.details == {"current_status": "CHECKED_OUT"}

    def test_a_title_that_is_not_there(self, session: Session) -> None:
        with pytest.raises(BookNotFound):
            service.reserve_copy(session, uuid4())

    @pytest.mark.parametrize(("copies", "readers"), [(1, 2), (3, 8)])
    def test_of_many_who_reach_for_the_last_copies_each_copy_has_one(
        self, session_factory: SessionFactory, catalog: Catalog, copies: int, readers: int
    ) -> None:
        """Real transactions that hold what they took until all have reached for it."""
        book = catalog.add(copies=copies)
        together = Barrier(readers)

        def reach() -> UUID | None:
            together.wait(10)
            try:
                with transaction(session_factory) as session:
                    return service.reserve_copy(session, book).id
            except BookNotAvailable:
                return None

        with ThreadPoolExecutor(readers) as pool:
            taken = [job.result(timeout=20) for job in [pool.submit(reach) for _ in range(readers)]]

        got = [copy for copy in taken if copy]
        assert len(got) == len(set(got)) == copies

    def test_a_copy_that_another_gives_back_is_still_found(
        self, session_factory: SessionFactory, catalog: Catalog
    ) -> None:
        """The one copy is locked by who rolls back: the second look waits for that and takes it."""
        book = catalog.add()
        with ThreadPoolExecutor(1) as pool, session_factory() as first:
            service.reserve_copy(first, book)
            second = pool.submit(self.reserve, session_factory, book)
            wait_for_lock(session_factory)
            first.rollback()

            assert second.result(timeout=10) is CopyStatus.RESERVED

    @staticmethod
    def reserve(factory: SessionFactory, book: UUID) -> CopyStatus:
        with transaction(factory) as session:
            return service.reserve_copy(session, book).status


def wait_for_lock(factory: SessionFactory) -> None:
    """Until some transaction waits for a row that another holds."""
    from sqlalchemy import text

    from tests.integration.servers import wait_until

    def waits() -> bool:
        with transaction(factory) as session:
            return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    wait_until("somebody waits for the copy", waits, 10)


class TestSetStatus:
    def test_a_copy_moves_and_its_version_grows(self, session: Session, catalog: Catalog) -> None:
        copy = only_copy(session, catalog.add())

        moved = service.set_copy_status(session, copy, {CopyStatus.AVAILABLE}, CopyStatus.CHECKED_OUT)

        assert (moved.status, moved.version) == (CopyStatus.CHECKED_OUT, 2)

    def test_asking_for_what_is_so_already_changes_nothing(self, session: Session, catalog: Catalog) -> None:
        copy = only_copy(session, catalog.add())

        same = service.set_copy_status(session, copy, {CopyStatus.ON_ROBOT}, CopyStatus.AVAILABLE)

        assert same.version == 1
        write_appended(session)
        assert session.scalars(select(Outbox)).all() == []

    def test_from_a_status_that_was_not_expected_it_does_not_move(self, session: Session, catalog: Catalog) -> None:
        copy = only_copy(session, catalog.add())

        with pytest.raises(IllegalTransition) as refused:
            service.set_copy_status(session, copy, {CopyStatus.RESERVED}, CopyStatus.ON_ROBOT)

        assert refused.value.details["from"] == "AVAILABLE"

    def test_what_is_unavailable_says_why(self, session: Session, catalog: Catalog) -> None:
        copy = only_copy(session, catalog.add())

        lost = service.set_copy_status(session, copy, {CopyStatus.AVAILABLE}, CopyStatus.UNAVAILABLE, StatusReason.LOST)

        assert lost.status_reason is StatusReason.LOST

    def test_a_copy_that_is_not_there(self, session: Session) -> None:
        with pytest.raises(CopyNotFound):
            service.set_copy_status(session, uuid4(), {CopyStatus.AVAILABLE}, CopyStatus.RESERVED)


class TestCopies:
    def test_a_copy_is_found_by_its_barcode(self, session: Session, catalog: Catalog) -> None:
        book = catalog.add(copies=2)
        copies = service.list_copies(session, book)

        assert [service.get_copy_by_barcode(session, f" {copy.barcode} ") for copy in copies] == list(copies)
        assert service.get_copy(session, copies[0].id) == copies[0]
        assert service.get_copy_by_barcode(session, "nothing") is None
