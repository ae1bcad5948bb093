"""A list in the order of a column: few matches are sorted, for many the index of the sort is walked."""

from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import CTE, ColumnElement, ScalarSelect, Select, case, func, null, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from luna_web.book.domain import BookStatus
from luna_web.book.models import Book
from luna_web.book.repository.asking import Asking, Found, Made, paged, total_of
from luna_web.book.repository.matches import CANDIDATES, cap_of, first_found
from luna_web.book.search import Shape, has_status
from luna_web.shared.paging import REACH, Order, PageParams, Sortable

T = TypeVar("T")
SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "title": Book.title_key,
    "author": Book.author_key,
    "publication_year": Book.publication_year,
    "created_at": Book.created_at,
}
MAY_LACK = frozenset({"author", "publication_year"})
SORTED = 2_000
"""Matches: at a million titles so many are fetched and sorted about as soon as a page of them is met along an index."""


def in_order(asking: Asking, sort: str, params: PageParams) -> Found:
    """The matches are sorted while they are few; the index of the sort is walked where they stand close in it."""
    order, status = params.order or Order.ASC, asking.values.get("status")
    way = first_way(asking.shape, status)
    rows = asking.page(way, sort, order)
    if way is sorted_or_walked and status and not rows:  # it is a rare one here, or there is no such page
        way, rows = _sorted, asking.page(_sorted, sort, order)
    found = asking.found(rows)
    if way is _sorted and found.total > found.cap:
        return replace(found, ids=[row.id for row in asking.page(_along, sort, order)])
    return found


def first_way(shape: Shape, status: BookStatus | None) -> Made:
    """What is asked first. Whether a status is a rare one nobody knows before, but it mostly is if it is not this."""
    if cap_of(shape) == REACH:
        return _walked
    return sorted_or_walked if status in (None, BookStatus.AVAILABLE) else _sorted


def sorted_or_walked(shape: Shape, sort: str, order: str) -> Select[Any]:
    """A page of (id, total), found in the way that is the sooner one; without rows where that is neither of the two.

    Titles are fetched whatever their status. If these are all, those of the status are sorted. Else the index of the
    sort is walked if enough of the first have the status, so that others will be met soon. How many titles have the
    beginning of a word nobody can estimate, so the planner is not to choose here; what is not asked is not begun.
    """
    fetched = first_found(shape.without("status"), Book.id, SORTS[sort].label("key"), most=SORTED)
    are_all = _one("are_all", func.count() <= SORTED, fetched)
    few = _of_status(shape, fetched, are_all)
    number = _one("number", func.count(), few)
    in_memory = select(few.c.id, few.c.key).where(are_all).order_by(*_directed(few.c.key, few.c.id, sort, order))
    along = _ordered(shape, sort, order).add_columns(SORTS[sort]).where(~are_all, number > CANDIDATES)
    page = union_all(*(paged(way).subquery().select() for way in (in_memory, along))).subquery("page")
    total = func.least(number, CANDIDATES + 1).label("total")
    return select(page.c.id, total).order_by(*_directed(page.c.key, page.c.id, sort, order))


def _of_status(shape: Shape, fetched: CTE, are_all: ColumnElement[bool]) -> CTE:
    """Those that have the status asked for; if they are not all there is, no more than say that it is a common one."""
    few: Select[Any] = select(fetched).limit(case((are_all, null()), else_=CANDIDATES + 1))
    return (few.where(has_status(fetched.c.id)) if "status" in shape.narrowed else few).cte("few")


def _one(name: str, value: ColumnElement[T], of: CTE) -> ScalarSelect[T]:
    """An aggregate that is computed once, however often it is asked for."""
    return select(select(value.label(name)).select_from(of).cte(f"{name}_once").c[name]).scalar_subquery()


def _sorted(shape: Shape, sort: str, order: str) -> Select[Any]:
    """A page of (id, total): the first matches found, in order; all of them if `total` is not above `CANDIDATES`."""
    few = first_found(shape, Book.id, SORTS[sort].label("key"), most=CANDIDATES)
    total = select(func.count()).select_from(few).scalar_subquery()
    return paged(select(few.c.id, total.label("total")).order_by(*_directed(few.c.key, few.c.id, sort, order)))


def _along(shape: Shape, sort: str, order: str) -> Select[Any]:
    """A page of the ids of all that match, in order."""
    return paged(_ordered(shape, sort, order))


def _walked(shape: Shape, sort: str, order: str) -> Select[Any]:
    """A page of (id, total): all that match, in order."""
    return paged(_ordered(shape, sort, order).add_columns(total_of(shape).scalar_subquery().label("total")))


def _ordered(shape: Shape, sort: str, order: str) -> Select[Any]:
    """The ids of all that match, in order."""
    return select(Book.id).where(*shape.conditions()).order_by(*_directed(SORTS[sort], Book.id, sort, order))


def _directed(key: Sortable, tie: Sortable, sort: str, order: str) -> tuple[ColumnElement[Any], ...]:
    """As the indexes have it: titles without a value last, ties by id in the same direction."""
    if order == Order.ASC:
        return key.asc(), tie.asc()
    return (key.desc().nulls_last() if sort in MAY_LACK else key.desc()), tie.desc()
