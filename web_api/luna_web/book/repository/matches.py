"""What of the catalog fulfils a question: the first matches found, and how far they are counted."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute

from luna_web.book.models import Book, TitleStatus
from luna_web.book.search import Shape, has
from luna_web.shared.paging import REACH

CANDIDATES = 1_000
"""Ranking and counting words read each match; beyond these many it would take longer than a reader waits."""


def first_found(shape: Shape, *columns: ColumnElement[Any] | InstrumentedAttribute[Any], most: int) -> CTE:
    """The first matches, one more than `most` at most: titles with the last word as it was typed, then others.

    Reading from the index all words that begin like the last one takes three times as long a title as reading one word,
    and is left out where that one alone has enough.
    """
    if not shape.may_go_on:
        found = select(*columns).where(*shape.conditions()).limit(most + 1)
        return found.cte("found").prefix_with("MATERIALIZED", dialect="postgresql")
    same = select(*columns).where(*shape.conditions(has("q_whole"))).limit(most + 1).cte("same")
    room = select(most + 1 - func.count()).select_from(same).scalar_subquery()
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
