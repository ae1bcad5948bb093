"""Titles by id and ISBN, and what their copies come to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from luna_web.book.domain import NO_COPIES, CopyStatus, Holdings
from luna_web.book.models import Book, Copy, TitleStatus
from luna_web.book.search import has_isbn


@dataclass(frozen=True, slots=True)
class Standing:
    """Which record of a title is the newest, and what its copies come to now."""

    book_id: UUID
    version: int
    updated_at: datetime
    holdings: Holdings


def get_book(session: Session, book_id: UUID) -> Book | None:
    return session.scalar(select(Book).where(Book.id == book_id, Book.deleted_at.is_(None)))


_NAME = select(Book.title, Book.author).where(Book.id == bindparam("book_id", type_=Uuid()), Book.deleted_at.is_(None))


def name_of(session: Session, book_id: UUID) -> Row[str, str | None] | None:
    """Title and author of a living title."""
    return session.execute(_NAME, {"book_id": book_id}).one_or_none()


def get_book_by_isbn(session: Session, isbn13: str) -> Book | None:
    return session.scalar(select(Book).where(Book.isbn13 == isbn13, Book.deleted_at.is_(None)))


def lock_book(session: Session, book_id: UUID) -> Book | None:
    """The title, locked and read anew. Who changes copies as well locks the title first."""
    return session.scalar(_LOCK, {"book_id": book_id})


_LOCK = (
    select(Book)
    .where(Book.id == bindparam("book_id", type_=Uuid()), Book.deleted_at.is_(None))
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)


def books_by_id(session: Session, book_ids: Collection[UUID]) -> Mapping[UUID, Book]:
    """Those of these titles that live."""
    if not book_ids:
        return {}
    return {book.id: book for book in session.scalars(select(Book).where(Book.id.in_(book_ids), living()))}


def removed(session: Session, book_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of these titles that are deleted."""
    gone = select(Book.id).where(Book.id == func.any(list(book_ids)), Book.deleted_at.is_not(None))
    return frozenset(session.scalars(gone))


def living() -> ColumnElement[bool]:
    return Book.deleted_at.is_(None)


# Built once: putting them together costs a read as much as asking the database.
_AVAILABLE = Copy.status == CopyStatus.AVAILABLE
_COMES_TO: tuple[ColumnElement[Any], ...] = (
    func.count(Copy.id),
    func.count().filter(_AVAILABLE),
    func.array_agg(Copy.status.distinct()).filter(Copy.id.is_not(None)),
    func.array_agg(aggregate_order_by(Copy.shelf_location, Copy.barcode)).filter(_AVAILABLE),
)
_HOLDINGS = (
    select(Copy.book_id, *_COMES_TO)
    .where(Copy.deleted_at.is_(None), Copy.book_id.in_(bindparam("ids", type_=Uuid(), expanding=True)))
    .group_by(Copy.book_id)
)
_STANDING = (
    select(Book.id, Book.version, Book.updated_at, *_COMES_TO)
    .outerjoin(Copy, (Copy.book_id == Book.id) & Copy.deleted_at.is_(None))
    .where(Book.deleted_at.is_(None))
    .group_by(Book.id)
)
_STANDING_OF = _STANDING.where(Book.id == bindparam("book_id", type_=Uuid()))


def standing_of(session: Session, book_id: UUID) -> Standing | None:
    """The standing of a living title."""
    return _standing(session, _STANDING_OF, {"book_id": book_id})


def standing_of_isbn(session: Session, isbn13: str) -> Standing | None:
    """The standing of the living title that has this ISBN, else of the first that has it beside another one."""
    found = _standing(session, _STANDING.where(Book.isbn13 == isbn13))
    return found or _standing(session, _STANDING.where(has_isbn(isbn13)).order_by(Book.id).limit(1))


def _standing(session: Session, query: Select[Any], given: Mapping[str, Any] | None = None) -> Standing | None:
    row = session.execute(query, given).one_or_none()
    return Standing(row[0], row[1], row[2], _holdings(*row[3:])) if row else None


def holdings(session: Session, book_ids: Collection[UUID]) -> dict[UUID, Holdings]:
    """What the copies of each of these titles come to; titles without copies have `NO_COPIES`."""
    found = dict.fromkeys(book_ids, NO_COPIES)
    if not book_ids:
        return found
    for book_id, *row in session.execute(_HOLDINGS, {"ids": list(book_ids)}):
        found[book_id] = _holdings(*row)
    return found


def _holdings(total: int, available: int, statuses: Sequence[str] | None, shelves: Sequence[str | None]) -> Holdings:
    return Holdings(total, available, frozenset(map(CopyStatus, statuses or ())), shelves[0] if shelves else None)


def totals_by_status(session: Session) -> Mapping[str, int]:
    """How many titles have each status."""
    query = select(TitleStatus.status, func.count().label("titles")).group_by(TitleStatus.status)
    return {row.status: row.titles for row in session.execute(query)}


def copies_by_status(session: Session) -> Mapping[str, int]:
    """How many living copies have each status."""
    query = select(Copy.status, func.count().label("copies")).where(Copy.deleted_at.is_(None)).group_by(Copy.status)
    return {row.status: row.copies for row in session.execute(query)}


def newest(session: Session, limit: int) -> Sequence[Book]:
    return session.scalars(
        select(Book).where(living()).order_by(Book.created_at.desc(), Book.id.desc()).limit(limit)
    ).all()
