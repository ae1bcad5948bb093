"""Titles by id and ISBN, and what their copies come to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Result, Row, Select, Uuid, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import Session

from luna_web.book.domain import CopyStatus, Holdings
from luna_web.book.models import Book, Copy, TitleStatus
from luna_web.book.search import as_indexed, has_isbn


@dataclass(frozen=True, slots=True)
class Title:
    """What describes a title, its columns by their names, and what its copies come to now."""

    described: Row[Any]
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


# Built once, of columns and not of entities: putting a statement together costs more than asking the database, and an
# entity more than its row.
_BOOK, _COPY = Book.__table__.c, Copy.__table__.c
_AVAILABLE = _COPY.status == CopyStatus.AVAILABLE
_DESCRIBED = (
    _BOOK.id, _BOOK.title, _BOOK.title_romanized, _BOOK.author, _BOOK.author_romanized, _BOOK.isbn13,
    _BOOK.isbns_other, _BOOK.publisher, _BOOK.publication_year, _BOOK.description, _BOOK.cover_image_url,
    _BOOK.language, _BOOK.call_number, _BOOK.version, _BOOK.created_at, _BOOK.updated_at,
)  # fmt: skip
_HELD = (
    select(
        func.count().label("total"),
        func.count().filter(_AVAILABLE).label("available"),
        func.array_agg(_COPY.status.distinct()).label("statuses"),
        func.array_agg(aggregate_order_by(_COPY.shelf_location, _COPY.barcode)).filter(_AVAILABLE).label("shelves"),
    )
    .where(_COPY.book_id == _BOOK.id, _COPY.deleted_at.is_(None))
    .lateral("held")
)
_TITLES: Select[Any] = (
    select(*_DESCRIBED, *_HELD.c).select_from(Book.__table__.join(_HELD, true())).where(_BOOK.deleted_at.is_(None))
)
_BY_ID = _TITLES.where(_BOOK.id == bindparam("book_id", type_=Uuid()))
_BY_IDS = _TITLES.where(_BOOK.id == func.any(bindparam("book_ids", type_=ARRAY(Uuid()))))
_BY_ISBN = _TITLES.where(_BOOK.isbn13 == bindparam("isbn13"))
# Found first, then put in order: without a value at hand the planner would look through all titles in their order.
_HAVING_ISBN = (
    select(_BOOK.id)
    .where(_BOOK.deleted_at.is_(None), has_isbn())
    .cte("having_isbn")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
_FIRST_HAVING_ISBN = select(_HAVING_ISBN.c.id).order_by(_HAVING_ISBN.c.id).limit(1).scalar_subquery()
_BY_ANY_ISBN = _TITLES.where(_BOOK.id == _FIRST_HAVING_ISBN)


def title_by_id(session: Session, book_id: UUID) -> Title | None:
    """A living title."""
    return _one(session.connection().execute(_BY_ID, {"book_id": book_id}))


def titles_by_id(session: Session, book_ids: Collection[UUID]) -> Sequence[Title]:
    """Those of these titles that live, in the order of the ids that are given."""
    if not book_ids:
        return []
    found = {row.id: row for row in session.connection().execute(_BY_IDS, {"book_ids": list(book_ids)})}
    return [_title(found[book_id]) for book_id in book_ids if book_id in found]


def title_by_isbn(session: Session, isbn13: str) -> Title | None:
    """The living title that has this ISBN, else the first that has it beside another one."""
    asked = {"isbn13": isbn13, "isbn_word": as_indexed(isbn13)}
    own = _one(session.connection().execute(_BY_ISBN, asked))
    return own or _one(session.connection().execute(_BY_ANY_ISBN, asked))


def _one(found: Result[Any]) -> Title | None:
    row = found.one_or_none()
    return _title(row) if row else None


def _title(row: Row[Any]) -> Title:
    statuses, shelves = row.statuses or (), row.shelves or (None,)
    return Title(row, Holdings(row.total, row.available, frozenset(map(CopyStatus, statuses)), shelves[0]))


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
