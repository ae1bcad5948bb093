"""Every query of the catalog."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from luna_web.book import search
from luna_web.book.domain import NO_COPIES, CopyStatus, Holdings
from luna_web.book.models import Book, Copy
from luna_web.book.search import Filters
from luna_web.shared.paging import Order, Page, PageParams, Sorts, chosen_sort, count_capped, paginate, pagination_of

RELEVANCE = "relevance"
SORTS: Sorts = {
    "title": Book.title_key,
    "author": Book.author_key,
    "publication_year": Book.publication_year,
    "created_at": Book.created_at,
}


def get_book(session: Session, book_id: UUID) -> Book | None:
    return session.scalar(select(Book).where(Book.id == book_id, Book.deleted_at.is_(None)))


def get_book_by_isbn(session: Session, isbn13: str) -> Book | None:
    return session.scalar(select(Book).where(Book.isbn13 == isbn13, Book.deleted_at.is_(None)))


def list_books(session: Session, filters: Filters, params: PageParams) -> Page[Book]:
    """One page; by relevance where something was typed and no other sort asked for, else by title."""
    allowed = (*SORTS, RELEVANCE) if filters.q else tuple(SORTS)
    sort = chosen_sort(params, allowed, RELEVANCE if filters.q else "title")
    if sort == RELEVANCE:
        return _by_relevance(session, filters, params)
    found = select(Book).where(*search.conditions(filters))
    return paginate(session, found, params, SORTS, default=sort, tie=Book.id, default_order=Order.ASC)


def _by_relevance(session: Session, filters: Filters, params: PageParams) -> Page[Book]:
    """`total` goes up to the ranked candidates, since no page lies beyond them."""
    ids = session.scalars(search.ranked(filters).offset(params.offset).limit(params.limit)).all()
    found = {book.id: book for book in session.scalars(select(Book).where(Book.id.in_(ids)))}
    total = count_capped(session, select(Book).where(*search.conditions(filters)), search.CANDIDATES)
    ordered = [found[book_id] for book_id in ids if book_id in found]
    return Page(ordered, pagination_of(params, total, search.CANDIDATES))


def holdings(session: Session, book_ids: Collection[UUID]) -> dict[UUID, Holdings]:
    """What the copies of each of these titles come to; titles without copies have `NO_COPIES`."""
    available = Copy.status == CopyStatus.AVAILABLE
    shelves = func.array_agg(aggregate_order_by(Copy.shelf_location, Copy.barcode))
    query = (
        select(
            Copy.book_id,
            func.count(),
            func.count().filter(available),
            func.array_agg(Copy.status.distinct()),
            shelves.filter(available),
        )
        .where(Copy.book_id.in_(book_ids), Copy.deleted_at.is_(None))
        .group_by(Copy.book_id)
    )
    found = dict.fromkeys(book_ids, NO_COPIES)
    for book_id, total, free, statuses, places in session.execute(query):
        shelf = places[0] if places else None
        found[book_id] = Holdings(total, free, frozenset(map(CopyStatus, statuses)), shelf)
    return found


def get_copy(session: Session, copy_id: UUID) -> Copy | None:
    return session.scalar(select(Copy).where(Copy.id == copy_id, Copy.deleted_at.is_(None)))


def get_copy_by_barcode(session: Session, barcode: str) -> Copy | None:
    return session.scalar(select(Copy).where(Copy.barcode == barcode, Copy.deleted_at.is_(None)))


def list_copies(session: Session, book_id: UUID) -> Sequence[Copy]:
    query = select(Copy).where(Copy.book_id == book_id, Copy.deleted_at.is_(None))
    return session.scalars(query.order_by(Copy.barcode)).all()


def lock_copy(session: Session, copy_id: UUID) -> Copy | None:
    """The copy, locked and read anew."""
    query = select(Copy).where(Copy.id == copy_id, Copy.deleted_at.is_(None))
    return session.scalar(query.with_for_update(key_share=True).execution_options(populate_existing=True))


def lock_available_copy(session: Session, book_id: UUID) -> Copy | None:
    """A free copy, locked: first one that nobody else is taking, then, if need be, whatever the others leave."""
    return session.scalar(_available(book_id, skip_locked=True)) or session.scalar(_available(book_id))


def _available(book_id: UUID, *, skip_locked: bool = False) -> Select[Copy]:
    return (
        select(Copy)
        .where(Copy.book_id == book_id, Copy.status == CopyStatus.AVAILABLE, Copy.deleted_at.is_(None))
        .order_by(Copy.barcode)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=skip_locked)
        .execution_options(populate_existing=True)
    )
