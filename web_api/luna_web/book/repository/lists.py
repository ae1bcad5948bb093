"""Lists and searches: ids of titles, in order. The rows follow by id, so that what is sorted and cached stays narrow.

No list counts or ranks more than a bound: see docs/catalog.md for the plans.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Subquery,
    Text,
    bindparam,
    func,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from luna_web.book.models import Book, CatalogGeneration, TitleStatus
from luna_web.book.search import Question, Shape, has, proves_to_have, tsquery
from luna_web.shared.paging import REACH, Order, PageParams, Sortable, chosen_sort

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
Made = Callable[..., Select[Any]]
"""What makes the statement of a shape."""
SHAPES = 256
"""So many statements are kept; those who type ask fewer kinds of questions."""


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
    # Share of trigrams that a mistyped word has in common with those that are looked at: two swapped letters in a word
    # of six leave a quarter.
    "pg_trgm.similarity_threshold": "0.2",
}
"""How the rest of the transaction's statements are planned."""


def planned() -> tuple[ColumnElement[str], ...]:
    """Columns that set `PLANNED` for this transaction."""
    return tuple(func.set_config(name, value, True) for name, value in PLANNED.items())


def _state() -> Select[Any]:
    given = (
        func.unnest(bindparam("texts", type_=ARRAY(Text)))
        .table_valued("text", with_ordinality="place")
        .render_derived("given")
    )
    folded = select(func.luna_text(given.c.text)).order_by(given.c.place).scalar_subquery()
    return select(
        select(func.coalesce(func.sum(CatalogGeneration.titles), 0)).scalar_subquery(),
        select(func.coalesce(func.sum(CatalogGeneration.copies), 0)).scalar_subquery(),
        func.array(folded, type_=ARRAY(Text)),
        *planned(),
    )


_STATE = _state()


def state(session: Session, texts: Sequence[str]) -> CatalogState:
    """The state that every later statement of this transaction sees, or a newer one; `texts` as the index has them."""
    titles, copies, words, *_ = session.connection().execute(_STATE, {"texts": list(texts)}).one()
    return CatalogState(int(titles), int(copies), words)


def sort_of(question: Question, params: PageParams) -> str:
    """The sort asked for; by relevance where something was typed, else by title. An unknown one is 422."""
    typed = question.q is not None
    return chosen_sort(params, (*SORTS, RELEVANCE) if typed else tuple(SORTS), RELEVANCE if typed else "title")


def find(session: Session, question: Question, params: PageParams) -> Found:
    """The ids of one page."""
    sort, asking = sort_of(question, params), Asking.of(session, question, params)
    return _by_relevance(asking, params) if sort == RELEVANCE else _sorted(asking, sort, params)


@dataclass(frozen=True, slots=True)
class Asking:
    """A question being asked: its statements are those of its shape, made once for all that are asked."""

    connection: Connection
    shape: Shape
    values: Mapping[str, Any]

    @classmethod
    def of(cls, session: Session, question: Question, params: PageParams) -> Self:
        values = question.values | {"page_offset": params.offset, "page_limit": params.limit}
        return cls(session.connection(), question.shape, values)

    def page(self, make: Made, *how: str) -> Sequence[Row[Any]]:
        """The rows of the page."""
        return self.connection.execute(page_of(make, self.shape, *how), self.values).all()

    def total(self) -> int:
        """How many match, up to one more than the cap."""
        return int(self.connection.execute(total_of(self.shape), self.values).scalar_one())

    def found(self, rows: Sequence[Row[Any]]) -> Found:
        """A page beyond the last has no row that could tell the total."""
        if not rows and self.values["page_offset"]:
            return Found([], self.total(), cap_of(self.shape))
        return Found([row.id for row in rows], rows[0].total if rows else 0, cap_of(self.shape))


@lru_cache(SHAPES)
def page_of(make: Made, shape: Shape, *how: str) -> Select[Any]:
    """`page_limit` rows of what is made for a shape, from `page_offset` on."""
    offset, limit = bindparam("page_offset", type_=Integer()), bindparam("page_limit", type_=Integer())
    return make(shape, *how).offset(offset).limit(limit)


@lru_cache(SHAPES)
def total_of(shape: Shape) -> Select[Any]:
    """How many match, up to one more than the cap."""
    bounded = counted(shape).with_only_columns(func.now(), maintain_column_froms=True).limit(cap_of(shape) + 1)
    return select(func.count()).select_from(bounded.subquery())


def _sorted(asking: Asking, sort: str, params: PageParams) -> Found:
    """The matches are sorted while they are few; the index of the sort is walked where they stand close in it."""
    order = params.order or Order.ASC
    if cap_of(asking.shape) == REACH:
        return asking.found(asking.page(_walked, sort, order))
    found = asking.found(asking.page(sorted_few, sort, order))
    if found.total <= found.cap:
        return found
    return replace(found, ids=[row.id for row in asking.page(ordered, sort, order)])


def _by_relevance(asking: Asking, params: PageParams) -> Found:
    """Behind those that are ranked come the others, uncounted."""
    if params.offset + params.limit <= CANDIDATES:
        return asking.found(asking.page(ranked))
    ids = [row.id for row in asking.page(_beyond)]
    return Found(ids, asking.total(), cap_of(asking.shape))


def _walked(shape: Shape, sort: str, order: str) -> Select[Any]:
    """(id, total): all that match, in order."""
    return ordered(shape, sort, order).add_columns(total_of(shape).scalar_subquery().label("total"))


def ordered(shape: Shape, sort: str, order: str) -> Select[Any]:
    """The ids of all that match, in order."""
    return select(Book.id).where(*shape.conditions()).order_by(*_directed(SORTS[sort], Book.id, sort, order))


def sorted_few(shape: Shape, sort: str, order: str) -> Select[Any]:
    """(id, total): the first matches found, in order; all of them if `total` is not above `CANDIDATES`.

    How many titles have the beginning of a word nobody can estimate, so the planner is not to choose here.
    """
    few = first_found(shape, Book.id, SORTS[sort].label("key"))
    total = select(func.count()).select_from(few).scalar_subquery()
    return select(few.c.id, total.label("total")).order_by(*_directed(few.c.key, few.c.id, sort, order))


def first_found(shape: Shape, *columns: ColumnElement[Any] | InstrumentedAttribute[Any]) -> CTE:
    """The first matches, one more than `CANDIDATES` at most: titles with the last word as it was typed, then others.

    Reading from the index all words that begin like the last one takes three times as long a title as reading one word,
    and is left out where that one alone has enough.
    """
    if not shape.may_go_on:
        found = select(*columns).where(*shape.conditions()).limit(CANDIDATES + 1)
        return found.cte("found").prefix_with("MATERIALIZED", dialect="postgresql")
    same = select(*columns).where(*shape.conditions(has("q_whole"))).limit(CANDIDATES + 1).cte("same")
    room = select(CANDIDATES + 1 - func.count()).select_from(same).scalar_subquery()
    more = select(*columns).where(*shape.conditions(has("q_others"))).limit(room).subquery("more")
    return select(same).union_all(select(more)).cte("found")


def counted(shape: Shape) -> Select[Any]:
    """As many rows as titles match. Titles of a status are counted where the status stands: only living ones do."""
    if shape.narrowed == {"status"}:
        return select(TitleStatus.book_id).where(TitleStatus.status == bindparam("status"))
    return select(Book.id).where(*shape.conditions())


def cap_of(shape: Shape) -> int:
    """How far matches are counted: each match of words or of a shelf is a row to fetch, others stand in an index."""
    return CANDIDATES if shape.has_words or "shelf_location" in shape.narrowed else REACH


def _directed(key: Sortable, tie: Sortable, sort: str, order: str) -> tuple[ColumnElement[Any], ...]:
    """As the indexes have it: titles without a value last, ties by id in the same direction."""
    if order == Order.ASC:
        return key.asc(), tie.asc()
    return (key.desc().nulls_last() if sort in MAY_LACK else key.desc()), tie.desc()


def ranked(shape: Shape) -> Select[Any]:
    """(id, total): the best matches first, among the first thousand found and those that begin like the question.

    A title that is the question comes before all others.
    """
    found, pool = _pool(shape)
    total = select(func.count()).select_from(found).scalar_subquery()
    return select(pool.c.id, total.label("total")).order_by(*_best_first(pool))


def _beyond(shape: Shape) -> Select[Any]:
    """The ids of what is ranked in its order, then those of all other matches."""
    _, pool = _pool(shape)
    place = func.row_number().over(order_by=_best_first(pool))
    ranking = select(pool.c.id, place.label("place")).cte("ranking")
    others = select(Book.id, null()).where(*shape.conditions(), Book.id.not_in(select(ranking.c.id))).limit(REACH)
    whole = select(ranking.c.id, ranking.c.place).union_all(others).subquery("whole")
    return select(whole.c.id).order_by(whole.c.place.nulls_last(), whole.c.id)


def _pool(shape: Shape) -> tuple[CTE, Subquery]:
    """The first matches found, and with them those titles that begin like the question."""
    match = (Book.id, Book.search, Book.title_key)
    found = first_found(shape, *match)
    # The byte after a space: all that begins with these words, and with no longer ones. They stand together in the
    # index of titles, and the first hundred of them are read there sooner than all that have the words are found.
    asked = bindparam("q_plain", type_=Text())
    begins = (Book.title_key >= asked, Book.title_key < asked + "!")
    beginning = select(*match).where(*shape.conditions(proves_to_have("q")), *begins)
    alike = beginning.order_by(Book.title_key, Book.id).limit(SAME_TITLE).cte("alike")
    more = select(alike).where(alike.c.id.not_in(select(found.c.id)))
    return found, select(found).union_all(more).subquery("pool")


def _best_first(pool: Subquery) -> tuple[ColumnElement[Any], ...]:
    rank = func.ts_rank(pool.c.search, tsquery("q"), 1)
    return (pool.c.title_key == bindparam("q_plain", type_=Text())).desc(), rank.desc(), pool.c.id
