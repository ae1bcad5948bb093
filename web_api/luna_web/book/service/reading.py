"""Reading the catalog: lists, single titles, availability, completions, figures.

Records and ids of search results may come from the cache. Their keys hold what they depend on, read in the same
transaction: a record's version, a search's generation of the catalog. So nothing cached outlives a change, and what
copies come to is read live.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy.orm import Session

from luna_web.book.domain import BookStatus, CopyStatus
from luna_web.book.errors import BookNotFound, IsbnInvalid
from luna_web.book.isbn import parse_isbn
from luna_web.book.models import Book
from luna_web.book.ports import Circulation
from luna_web.book.repository import lists, titles
from luna_web.book.repository.lists import Found
from luna_web.book.repository.titles import Standing
from luna_web.book.schemas import AvailabilityOut, BookBrief, BookOut, BookRecord, RequestedOut, StatsOut
from luna_web.book.search import Filters, Question
from luna_web.book.service.spelling import corrected
from luna_web.book.service.views import TitleView, record_of, with_holdings
from luna_web.shared.cache import Cache, Kind
from luna_web.shared.paging import Page, PageParams, pagination_of

RECORD = Kind("book", 600, TypeAdapter(BookRecord))
SEARCH = Kind("search", 900, TypeAdapter(Found))
STATS = Kind("stats", 60, TypeAdapter(StatsOut))
REQUESTED_WITHIN = timedelta(days=90)
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the catalog; `corrected_query` is what was searched for where what was typed is nowhere."""

    page: Page[BookOut]
    corrected_query: str | None


@dataclass(frozen=True, slots=True)
class Reader:
    """One request that reads the catalog."""

    session: Session
    cache: Cache
    circulation: Circulation

    def listed(self, filters: Filters, params: PageParams) -> Listed:
        """One page, each title with what its copies come to now."""
        question = Question.of(filters)
        lists.sort_of(question, params)
        state = lists.state(self.session, question.to_fold)
        found = self.cache.get_or_load(
            SEARCH, _search_key(filters, params, state), lambda: self._find(question.folded(state.folded), params)
        )
        page = Page(self._books(found.ids), pagination_of(params, found.total, found.cap))
        return Listed(page, found.corrected_query)

    def _find(self, question: Question, params: PageParams) -> Found:
        found = lists.find(self.session, question, params)
        if found.total or question.q is None:
            return found
        better = corrected(self.session, question.q)
        if better is None:
            return found
        again = lists.find(self.session, replace(question, q=better), params)
        return replace(again, corrected_query=better.text) if again.total else found

    def _books(self, ids: list[UUID]) -> list[BookOut]:
        books = titles.books_by_id(self.session, ids)
        held = titles.holdings(self.session, ids)
        return [with_holdings(record_of(books[one]), held[one]) for one in ids if one in books]

    def title(self, book_id: UUID) -> BookOut:
        """One title; BookNotFound if there is none or it was deleted."""
        return self._title(titles.standing_of(self.session, book_id))

    def title_by_isbn(self, isbn: str) -> BookOut:
        """The title of an ISBN in any spelling. Raises IsbnInvalid, BookNotFound."""
        return self._title(titles.standing_of_isbn(self.session, checked_isbn(isbn)))

    def _title(self, standing: Standing | None) -> BookOut:
        if standing is None:
            raise BookNotFound()
        record = self.cache.get_or_load(RECORD, _record_key(standing), lambda: self._record(standing.book_id))
        return with_holdings(record, standing.holdings)

    def _record(self, book_id: UUID) -> BookRecord:
        book = titles.get_book(self.session, book_id)
        if book is None:
            raise BookNotFound()
        return record_of(book)

    def availability(self, book_id: UUID) -> AvailabilityOut:
        """How many copies a title has and how many are free, read live."""
        standing = titles.standing_of(self.session, book_id)
        if standing is None:
            raise BookNotFound()
        held, outlook = standing.holdings, self.circulation.outlook(self.session, book_id)
        return AvailabilityOut(
            book_id=book_id,
            status=held.status,
            copies_total=held.total,
            copies_available=held.available,
            next_due_at=outlook.next_due_at,
            queue_length=outlook.queue_length,
        )

    def stats(self, now: datetime) -> StatsOut:
        """Figures of the whole catalog, counted at most once a minute."""
        return self.cache.get_or_load(STATS, "all", lambda: self._stats(now))

    def _stats(self, now: datetime) -> StatsOut:
        of_titles = titles.totals_by_status(self.session)
        of_copies = titles.copies_by_status(self.session)
        return StatsOut(
            titles_total=sum(of_titles.values()),
            titles_by_status={status: of_titles.get(status, 0) for status in BookStatus},
            copies_total=sum(of_copies.values()),
            copies_by_status={status: of_copies.get(status, 0) for status in CopyStatus},
            newest=[_brief(book) for book in titles.newest(self.session, SHOWN)],
            most_requested=self._most_requested(now),
        )

    def _most_requested(self, now: datetime) -> list[RequestedOut]:
        counts = self.circulation.most_requested(self.session, now - REQUESTED_WITHIN, SHOWN)
        books = titles.books_by_id(self.session, [book_id for book_id, _ in counts])
        briefs = [(_brief(books[book_id]), count) for book_id, count in counts if book_id in books]
        return [RequestedOut(**dict(brief), requests=count) for brief, count in briefs]


def get_title(session: Session, book_id: UUID) -> TitleView:
    """What a title is called; BookNotFound if there is none or it was deleted."""
    name = titles.name_of(session, book_id)
    if name is None:
        raise BookNotFound()
    return TitleView(book_id, name.title, name.author)


def checked_isbn(isbn: str) -> str:
    """The 13 digits of an ISBN; IsbnInvalid if it is none."""
    isbn13 = parse_isbn(isbn)
    if isbn13 is None:
        raise IsbnInvalid()
    return isbn13


def _brief(book: Book) -> BookBrief:
    return BookBrief(id=book.id, title=book.title, author=book.author, created_at=book.created_at)


def _record_key(standing: Standing) -> str:
    """`updated_at`, too: a change that forgot to raise the version must not show the old record either."""
    return f"{standing.book_id}:{standing.version}:{standing.updated_at.timestamp():.6f}"


def _search_key(filters: Filters, params: PageParams, state: lists.CatalogState) -> str:
    generation = (state.titles, state.copies if filters.asks_copies else None)
    asked = (generation, filters.as_plain(), params.page, params.limit, params.sort, params.order)
    return hashlib.sha256(to_json(asked)).hexdigest()
