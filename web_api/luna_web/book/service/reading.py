"""Reading the catalog: lists, single titles, availability, completions, figures.

The ids of a search's results may come from the cache. Their key holds what they depend on, the generation of the
catalog, read in the same transaction. So nothing cached outlives a change. Titles themselves are read live, together
with what their copies come to: a record from the cache would spare no statement.
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
from luna_web.book.repository.asking import Found
from luna_web.book.repository.titles import Title
from luna_web.book.schemas import AvailabilityOut, BookBrief, BookOut, RequestedOut, StatsOut
from luna_web.book.search import Filters, Question
from luna_web.book.service.spelling import corrected
from luna_web.book.service.views import TitleView, shown
from luna_web.shared.cache import Cache, Kind
from luna_web.shared.paging import Page, PageParams, pagination_of

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
        there = self.cache.get_or_load(
            SEARCH, _search_key(filters, params, state), lambda: self._find(question.folded(state.folded), params)
        )
        books = [shown(title.described, title.holdings) for title in titles.titles_by_id(self.session, there.ids)]
        return Listed(Page(books, pagination_of(params, there.total, there.cap)), there.corrected_query)

    def _find(self, question: Question, params: PageParams) -> Found:
        as_typed = lists.find(self.session, question, params)
        if as_typed.total or question.q is None:
            return as_typed
        better = corrected(self.session, question.q, all_unknown=question.is_one_word)
        if better is None:
            return as_typed
        again = lists.find(self.session, replace(question, q=better), params)
        return replace(again, corrected_query=better.text) if again.total else as_typed

    def title(self, book_id: UUID) -> BookOut:
        """One title; BookNotFound if there is none or it was deleted."""
        return found(titles.title_by_id(self.session, book_id))

    def title_by_isbn(self, isbn: str) -> BookOut:
        """The title of an ISBN in any spelling. Raises IsbnInvalid, BookNotFound."""
        return found(titles.title_by_isbn(self.session, checked_isbn(isbn)))

    def availability(self, book_id: UUID) -> AvailabilityOut:
        """How many copies a title has and how many are free, read live."""
        title = titles.title_by_id(self.session, book_id)
        if title is None:
            raise BookNotFound()
        held, outlook = title.holdings, self.circulation.outlook(self.session, book_id)
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


def found(title: Title | None) -> BookOut:
    """The same title as clients see it; BookNotFound if there is none."""
    if title is None:
        raise BookNotFound()
    return shown(title.described, title.holdings)


def checked_isbn(isbn: str) -> str:
    """The 13 digits of an ISBN; IsbnInvalid if it is none."""
    isbn13 = parse_isbn(isbn)
    if isbn13 is None:
        raise IsbnInvalid()
    return isbn13


def _brief(book: Book) -> BookBrief:
    return BookBrief(id=book.id, title=book.title, author=book.author, created_at=book.created_at)


def _search_key(filters: Filters, params: PageParams, state: lists.CatalogState) -> str:
    generation = (state.titles, state.copies if filters.asks_copies else None)
    asked = (generation, filters.as_plain(), params.page, params.limit, params.sort, params.order)
    return hashlib.sha256(to_json(asked)).hexdigest()
