"""Lists and searches: ids of titles, in order. The rows follow by id, so that what is sorted and cached stays narrow.

No list counts or ranks more than a bound: see docs/catalog.md for the plans.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Row, Select, Subquery, Text, cast, func, null, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from luna_web.book.models import Book, CatalogGeneration, TitleStatus
from luna_web.book.search import Question, has, proves_to_have, tsquery
from luna_web.shared.paging import REACH, Order, PageParams, Sortable, chosen_sort, count_capped

RELEVANCE = "relevance"
CANDIDATES = 1_000
"""Ranking, sorting and counting words read each match; beyond these many it would take longer than a reader waits."""
SAME_TITLE = 100
"""Titles that begin with the words of the question are ranked whatever else matches, up to these many."""
SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "title": Book.title_key,
    "author": Book.author_key,
    "publication_year": Book.publication_year,
    "created_at": Book.created_at,
}
MAY_LACK = frozenset({"author", "publication_year"})


@dataclass(frozen=True, slots=True)
class CatalogState:
    """How often titles and copies were changed so far, and the texts asked about, folded."""

    titles: int
    copies: int
    folded: list[str]


@dataclass(frozen=True, slots=True)
class Found:
    """One page of ids. `total` is counted up to `cap`; one beyond it says that there are more."""

    ids: list[UUID]
    total: int
    cap: int = REACH
    corrected_query: str | None = None


PLANNED = {
    # Words are too different for one plan.
    "plan_cache_mode": "force_custom_plan",
    # Indexes are in memory or on a solid disk; the default is a spinning one's, and prefers to read tables whole.
    "random_page_cost": "1.1",
    # Starting workers takes longer than a search may.
    "max_parallel_workers_per_gather": "0",
    # What a common word finds among a million titles; with less the bitmap forgets rows and whole pages are compared.
    "work_mem": "16MB",
    # A table that is read whole is read from its beginning: two pages of one search must rank the same thousand.
    "synchronize_seqscans": "off",
}
"""How the rest of the transaction's statements are planned."""


def planned() -> tuple[ColumnElement[str], ...]:
    """Columns that set `PLANNED` for this transaction."""
    return tuple(func.set_config(name, value, True) for name, value in PLANNED.items())


def state(session: Session, texts: Sequence[str]) -> CatalogState:
    """The state that every later statement of this transaction sees, or a newer one; `texts` as the index has them."""
    given = (
        func.unnest(cast(list(texts), ARRAY(Text)))
        .table_valued("text", with_ordinality="place")
        .render_derived("given")
    )
    folded = select(func.luna_text(given.c.text)).order_by(given.c.place).scalar_subquery()
    query = select(
        select(func.coalesce(func.sum(CatalogGeneration.titles), 0)).scalar_subquery(),
        select(func.coalesce(func.sum(CatalogGeneration.copies), 0)).scalar_subquery(),
        func.array(folded, type_=ARRAY(Text)),
        *planned(),
    )
    titles, copies, words, *_ = session.execute(query).one()
    return CatalogState(int(titles), int(copies), words)


def sort_of(question: Question, params: PageParams) -> str:
    """The sort asked for; by relevance where something was typed, else by title. An unknown one is 422."""
    typed = question.q is not None
    return chosen_sort(params, (*SORTS, RELEVANCE) if typed else tuple(SORTS), RELEVANCE if typed else "title")


def find(session: Session, question: Question, params: PageParams) -> Found:
    """The ids of one page."""
    sort = sort_of(question, params)
    return _by_relevance(session, question, params) if sort == RELEVANCE else _sorted(session, question, sort, params)


def _sorted(session: Session, question: Question, sort: str, params: PageParams) -> Found:
    """The matches are sorted while they are few; the index of the sort is walked where they stand close in it."""
    order, cap = params.order or Order.ASC, cap_of(question)
    if cap == CANDIDATES:
        rows = session.execute(_paged(sorted_few(question, sort, order), params)).all()
        found = _found(session, rows, question, params)
        if found.total <= cap:
            return found
        page = session.scalars(_paged(ordered(question, sort, order), params))
        return Found(list(page), found.total, cap)
    total = select(func.count()).select_from(counted(question).limit(REACH + 1).subquery()).scalar_subquery()
    walked = ordered(question, sort, order).add_columns(total.label("total"))
    return _found(session, session.execute(_paged(walked, params)).all(), question, params)


def _paged(query: Select[Any], params: PageParams) -> Select[Any]:
    return query.offset(params.offset).limit(params.limit)


def ordered(question: Question, sort: str, order: Order) -> Select[Any]:
    """The ids of all that match, in order."""
    return select(Book.id).where(*question.conditions()).order_by(*_directed(SORTS[sort], Book.id, sort, order))


def sorted_few(question: Question, sort: str, order: Order) -> Select[Any]:
    """(id, total): the first matches found, in order; all of them if `total` is not above `CANDIDATES`.

    How many titles have the beginning of a word nobody can estimate, so the planner is not to choose here.
    """
    few = first_found(question, Book.id, SORTS[sort].label("key"))
    total = select(func.count()).select_from(few).scalar_subquery()
    return select(few.c.id, total.label("total")).order_by(*_directed(few.c.key, few.c.id, sort, order))


def first_found(question: Question, *columns: ColumnElement[Any] | InstrumentedAttribute[Any]) -> CTE:
    """The first matches, one more than `CANDIDATES` at most: titles with the last word as it was typed, then others.

    Reading from the index all words that begin like the last one takes three times as long a title as reading one word,
    and is left out where that one alone has enough.
    """
    whole = question.q.query(finished=True) if question.q else ""
    begun = question.q.query() if question.q else ""
    if whole == begun:
        found = select(*columns).where(*question.conditions()).limit(CANDIDATES + 1)
        return found.cte("found").prefix_with("MATERIALIZED", dialect="postgresql")
    same = select(*columns).where(*question.conditions(has(whole))).limit(CANDIDATES + 1).cte("same")
    room = select(CANDIDATES + 1 - func.count()).select_from(same).scalar_subquery()
    others = question.conditions(has(f"({begun}) & !({whole})"))
    more = select(*columns).where(*others).limit(room).subquery("more")
    return select(same).union_all(select(more)).cte("found")


def counted(question: Question) -> Select[Any]:
    """As many rows as titles match. Titles of a status are counted where the status stands: only living ones do."""
    filters = question.filters
    if filters.status and filters.as_plain().keys() == {"status"}:
        return select(TitleStatus.book_id).where(TitleStatus.status == filters.status)
    return select(Book.id).where(*question.conditions())


def cap_of(question: Question) -> int:
    """How far matches are counted: each match of words or of a shelf is a row to fetch, others stand in an index."""
    return CANDIDATES if question.has_words or question.filters.shelf_location else REACH


def _found(session: Session, rows: Sequence[Row[Any]], question: Question, params: PageParams) -> Found:
    """A page beyond the last has no row that could tell the total."""
    cap = cap_of(question)
    if not rows and params.offset:
        return Found([], count_capped(session, counted(question), cap), cap)
    return Found([row.id for row in rows], rows[0].total if rows else 0, cap)


def _directed(key: Sortable, tie: Sortable, sort: str, order: Order) -> tuple[ColumnElement[Any], ...]:
    """As the indexes have it: titles without a value last, ties by id in the same direction."""
    if order is Order.ASC:
        return key.asc(), tie.asc()
    return (key.desc().nulls_last() if sort in MAY_LACK else key.desc()), tie.desc()


def _by_relevance(session: Session, question: Question, params: PageParams) -> Found:
    """Behind those that are ranked come the others, uncounted."""
    if params.offset + params.limit <= CANDIDATES:
        return _found(session, session.execute(_paged(ranked(question), params)).all(), question, params)
    ids = list(session.scalars(_paged(_beyond(question), params)))
    cap = cap_of(question)
    return Found(ids, count_capped(session, counted(question), cap), cap)


def ranked(question: Question) -> Select[Any]:
    """(id, total): the best matches first, among the first thousand found and those that begin like the question.

    A title that is the question comes before all others.
    """
    found, pool = _pool(question)
    total = select(func.count()).select_from(found).scalar_subquery()
    return select(pool.c.id, total.label("total")).order_by(*_best_first(question, pool))


def _beyond(question: Question) -> Select[Any]:
    """The ids of what is ranked in its order, then those of all other matches."""
    _, pool = _pool(question)
    place = func.row_number().over(order_by=_best_first(question, pool))
    ranking = select(pool.c.id, place.label("place")).cte("ranking")
    others = select(Book.id, null()).where(*question.conditions(), Book.id.not_in(select(ranking.c.id))).limit(REACH)
    whole = select(ranking.c.id, ranking.c.place).union_all(others).subquery("whole")
    return select(whole.c.id).order_by(whole.c.place.nulls_last(), whole.c.id)


def _pool(question: Question) -> tuple[CTE, Subquery]:
    """The first matches found, and with them those titles that begin like the question."""
    assert question.q is not None  # noqa: S101 - who ranks has something typed
    match = (Book.id, Book.search, Book.title_key)
    found = first_found(question, *match)
    # The byte after a space: all that begins with these words, and with no longer ones. They stand together in the
    # index of titles, and the first hundred of them are read there sooner than all that have the words are found.
    asked = question.q.plain
    begins = (Book.title_key >= asked, Book.title_key < asked + "!")
    beginning = select(*match).where(*question.conditions(proves_to_have(question.q.query())), *begins)
    alike = beginning.order_by(Book.title_key, Book.id).limit(SAME_TITLE).cte("alike")
    more = select(alike).where(alike.c.id.not_in(select(found.c.id)))
    return found, select(found).union_all(more).subquery("pool")


def _best_first(question: Question, pool: Subquery) -> tuple[ColumnElement[Any], ...]:
    assert question.q is not None  # noqa: S101 - who ranks has something typed
    rank = func.ts_rank(pool.c.search, tsquery(question.q.query()), 1)
    return (pool.c.title_key == question.q.plain).desc(), rank.desc(), pool.c.id
