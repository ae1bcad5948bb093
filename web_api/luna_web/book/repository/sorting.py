"""A list in the order of a column: few matches are sorted, for many the index of the sort is walked."""

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from luna_web.book.models import Book
from luna_web.book.repository.asking import Asking, Found, total_of
from luna_web.book.repository.matches import cap_of, first_found
from luna_web.book.search import Shape
from luna_web.shared.paging import REACH, Order, PageParams, Sortable

SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "title": Book.title_key,
    "author": Book.author_key,
    "publication_year": Book.publication_year,
    "created_at": Book.created_at,
}
MAY_LACK = frozenset({"author", "publication_year"})


def in_order(asking: Asking, sort: str, params: PageParams) -> Found:
    """The matches are sorted while they are few; the index of the sort is walked where they stand close in it."""
    order = params.order or Order.ASC
    if cap_of(asking.shape) == REACH:
        return asking.found(asking.page(_walked, sort, order))
    found = asking.found(asking.page(sorted_few, sort, order))
    if found.total <= found.cap:
        return found
    return replace(found, ids=[row.id for row in asking.page(ordered, sort, order)])


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


def _directed(key: Sortable, tie: Sortable, sort: str, order: str) -> tuple[ColumnElement[Any], ...]:
    """As the indexes have it: titles without a value last, ties by id in the same direction."""
    if order == Order.ASC:
        return key.asc(), tie.asc()
    return (key.desc().nulls_last() if sort in MAY_LACK else key.desc()), tie.desc()
