"""Copies: looked up, listed, locked for whoever moves them."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Sequence as Numbers
from sqlalchemy import Uuid, bindparam, func, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from luna_web.book.domain import CopyStatus
from luna_web.book.models import Copy

ITEM_NUMBERS = Numbers("item_numbers")


def get_copy(session: Session, copy_id: UUID) -> Copy | None:
    return session.scalar(_COPY, {"copy_id": copy_id})


_COPY = select(Copy).where(Copy.id == bindparam("copy_id", type_=Uuid()), Copy.deleted_at.is_(None))


def get_copy_by_barcode(session: Session, barcode: str) -> Copy | None:
    return session.scalar(select(Copy).where(Copy.barcode == barcode, Copy.deleted_at.is_(None)))


def list_copies(session: Session, book_id: UUID) -> Sequence[Copy]:
    query = select(Copy).where(Copy.book_id == book_id, Copy.deleted_at.is_(None))
    return session.scalars(query.order_by(Copy.barcode)).all()


def lock_copy(session: Session, copy_id: UUID) -> Copy | None:
    """The copy, locked and read anew."""
    query = select(Copy).where(Copy.id == copy_id, Copy.deleted_at.is_(None))
    return session.scalar(query.with_for_update(key_share=True).execution_options(populate_existing=True))


def lock_copies(session: Session, book_id: UUID) -> Sequence[Copy]:
    """All living copies of a title, locked and read anew, in the order of ids."""
    query = select(Copy).where(Copy.book_id == book_id, Copy.deleted_at.is_(None)).order_by(Copy.id)
    return session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)).all()


def take_available_copy(session: Session, book_id: UUID) -> Copy | None:
    """A free copy, RESERVED now: first one that nobody else is taking, then, if need be, whatever the others leave."""
    asked = {"of_book": book_id}
    return session.scalar(_TAKE_AT_ONCE, asked) or session.scalar(_TAKE, asked)


def _taking(*, skip_locked: bool) -> ReturningUpdate[Copy]:
    free = (
        select(Copy.id)
        .where(Copy.book_id == bindparam("of_book", type_=Uuid()))
        .where(Copy.status == CopyStatus.AVAILABLE, Copy.deleted_at.is_(None))
        .order_by(Copy.barcode)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=skip_locked)
    )
    return (
        update(Copy)
        .where(Copy.id == free.scalar_subquery())
        .values(status=CopyStatus.RESERVED, status_reason=None, version=Copy.version + 1)
        .returning(Copy)
        .execution_options(populate_existing=True, synchronize_session=False)
    )


_TAKE_AT_ONCE, _TAKE = _taking(skip_locked=True), _taking(skip_locked=False)


def titles_with_free_copies(session: Session, book_ids: Collection[UUID]) -> frozenset[UUID]:
    free = select(Copy.book_id).where(Copy.status == CopyStatus.AVAILABLE, Copy.deleted_at.is_(None))
    return frozenset(session.scalars(free.where(Copy.book_id == func.any(list(book_ids))).distinct()))


def next_item_numbers(session: Session, count: int) -> Sequence[int]:
    """So many numbers that no other copy gets."""
    numbers = select(ITEM_NUMBERS.next_value()).select_from(func.generate_series(1, count).alias())
    return session.scalars(numbers).all()


def barcodes_taken(session: Session, barcodes: Collection[str]) -> frozenset[str]:
    """Those of these barcodes that a living copy carries."""
    query = select(Copy.barcode).where(Copy.barcode.in_(barcodes), Copy.deleted_at.is_(None))
    return frozenset(session.scalars(query))
