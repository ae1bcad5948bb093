"""A list in the order of a column: few matches are sorted, for many the index of the sort is walked."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, case, func, null, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from luna_web.book.models import Book
from luna_web.book.repository.asking import Asking, Found, paged, total_of
from luna_web.book.repository.matches import CANDIDATES, cap_of, first_found
from luna_web.book.search import Shape, has_status
from luna_web.shared.paging import REACH, Order, PageParams, Sortable

SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "title": Book.title_key,
    "author": Book.author_key,
    "publication_year": Book.publication_year,
    "created_at": Book.created_at,
}
MAY_LACK = frozenset({"author", "publication_year"})
SORTED = 2_000
"""So many titles with the words asked for are fetched and sorted sooner than a page of them is met along an index."""


def in_order(asking: Asking, sort: str, params: PageParams) -> Found:
    """The matches are sorted while they are few; the index of the sort is walked where they stand close in it."""
    order = params.order or Order.ASC
    if cap_of(asking.shape) == REACH:
        return asking.found(asking.page(_walked, sort, order))
    return asking.found(asking.pages(sorted_or_walked, sort, order))


def _walked(shape: Shape, sort: str, order: str) -> Select[Any]:
    """(id, total): all that match, in order."""
    return ordered(shape, sort, order).add_columns(total_of(shape).scalar_subquery().label("total"))


def ordered(shape: Shape, sort: str, order: str) -> Select[Any]:
    """The ids of all that match, in order."""
    return select(Book.id).where(*shape.conditions()).order_by(*_directed(SORTS[sort], Book.id, sort, order))


def sorted_or_walked(shape: Shape, sort: str, order: str) -> Select[Any]:
    """A page of (id, total): the first matches found, in order, if these are all; else of all, along the index.

    How many titles have the beginning of a word nobody can estimate, so the planner is not to choose here. Which of the
    two is asked is known once the first are found; the other one is not begun.
    """
    found = first_found(shape.without("status"), Book.id, SORTS[sort].label("key"), most=SORTED)
    are_all = select(func.count() <= SORTED).select_from(found).scalar_subquery()
    few = _first_of_status(shape, found, are_all)
    along = ordered(shape, sort, order).add_columns(SORTS[sort])
    in_memory = select(few.c.id, few.c.key).order_by(*_directed(few.c.key, few.c.id, sort, order))
    parts = (paged(query.where(is_asked)).subquery() for query, is_asked in ((in_memory, are_all), (along, ~are_all)))
    page = union_all(*(part.select() for part in parts)).subquery("page")
    total = _total(shape, few, are_all).label("total")
    return select(page.c.id, total).order_by(*_directed(page.c.key, page.c.id, sort, order))


def _first_of_status(shape: Shape, found: CTE, are_all: ColumnElement[bool]) -> CTE:
    """Those of the first found that have the status asked for; where others are to come, not more than are counted."""
    few: Select[Any] = select(found).limit(case((are_all, null()), else_=CANDIDATES + 1))
    return (few.where(has_status(found.c.id)) if "status" in shape.narrowed else few).cte("few")


def _total(shape: Shape, few: CTE, are_all: ColumnElement[bool]) -> ColumnElement[int]:
    """How many match, up to one more than the cap. Where few of the first have the status, all are counted."""
    number = select(func.count()).select_from(few).scalar_subquery()
    is_known = are_all | (number > CANDIDATES)
    return case((is_known, func.least(number, CANDIDATES + 1)), else_=total_of(shape).scalar_subquery())


def _directed(key: Sortable, tie: Sortable, sort: str, order: str) -> tuple[ColumnElement[Any], ...]:
    """As the indexes have it: titles without a value last, ties by id in the same direction."""
    if order == Order.ASC:
        return key.asc(), tie.asc()
    return (key.desc().nulls_last() if sort in MAY_LACK else key.desc()), tie.desc()
