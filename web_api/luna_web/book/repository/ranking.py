"""A search's matches, the best first."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, Subquery, Text, bindparam, func, null, select

from luna_web.book.models import Book
from luna_web.book.repository.asking import Asking, Found, paged
from luna_web.book.repository.matches import CANDIDATES, cap_of, first_found
from luna_web.book.search import Shape, proves_to_have, tsquery
from luna_web.shared.paging import REACH, PageParams

SAME_TITLE = 100
"""Titles that begin with the words of the question are ranked whatever else matches, up to these many."""


def by_relevance(asking: Asking, params: PageParams) -> Found:
    """Behind those that are ranked come the others, uncounted."""
    if params.offset + params.limit <= CANDIDATES:
        return asking.found(asking.page(ranked))
    ids = [row.id for row in asking.page(_beyond)]
    return Found(ids, asking.total(), cap_of(asking.shape))


def ranked(shape: Shape) -> Select[Any]:
    """A page of (id, total): the best matches first.

    They are among the first thousand found and those that begin like the question; a title that is the question comes
    before all others.
    """
    found, pool = _pool(shape)
    total = select(func.count()).select_from(found).scalar_subquery()
    return paged(select(pool.c.id, total.label("total")).order_by(*_best_first(pool)))


def _beyond(shape: Shape) -> Select[Any]:
    """A page of ids: of what is ranked in its order, then of all other matches."""
    _, pool = _pool(shape)
    place = func.row_number().over(order_by=_best_first(pool))
    ranking = select(pool.c.id, place.label("place")).cte("ranking")
    others = select(Book.id, null()).where(*shape.conditions(), Book.id.not_in(select(ranking.c.id))).limit(REACH)
    whole = select(ranking.c.id, ranking.c.place).union_all(others).subquery("whole")
    return paged(select(whole.c.id).order_by(whole.c.place.nulls_last(), whole.c.id))


def _pool(shape: Shape) -> tuple[CTE, Subquery]:
    """The first matches found, and with them those titles that begin like the question."""
    match = (Book.id, Book.search, Book.title_key)
    found = first_found(shape, *match, most=CANDIDATES)
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
