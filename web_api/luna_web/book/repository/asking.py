"""A question that is being asked: pages of what a statement finds, and how many there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Connection, Integer, Row, Select, bindparam, func, select
from sqlalchemy.orm import Session

from luna_web.book.repository.matches import cap_of, counted
from luna_web.book.search import Question, Shape
from luna_web.shared.paging import REACH, PageParams

Made = Callable[..., Select[Any]]
"""What makes the statement of a shape, which gives a page."""
SHAPES = 256
"""So many statements are kept; those who type ask fewer kinds of questions."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of ids. `total` is counted up to `cap`; one beyond it says that there are more."""

    ids: list[UUID]
    total: int
    cap: int = REACH
    corrected_query: str | None = None


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
        return self.connection.execute(made_for(make, self.shape, *how), self.values).all()

    def total(self) -> int:
        """How many match, up to one more than the cap."""
        return int(self.connection.execute(total_of(self.shape), self.values).scalar_one())

    def found(self, rows: Sequence[Row[Any]]) -> Found:
        """A page beyond the last has no row that could tell the total."""
        if not rows and self.values["page_offset"]:
            return Found([], self.total(), cap_of(self.shape))
        return Found([row.id for row in rows], rows[0].total if rows else 0, cap_of(self.shape))


@lru_cache(SHAPES)
def made_for(make: Made, shape: Shape, *how: str) -> Select[Any]:
    """What is made for a shape."""
    return make(shape, *how)


def paged(query: Select[Any]) -> Select[Any]:
    """`page_limit` rows of a query, from `page_offset` on."""
    offset, limit = bindparam("page_offset", type_=Integer()), bindparam("page_limit", type_=Integer())
    return query.offset(offset).limit(limit)


@lru_cache(SHAPES)
def total_of(shape: Shape) -> Select[Any]:
    """How many match, up to one more than the cap."""
    bounded = counted(shape).with_only_columns(func.now(), maintain_column_froms=True).limit(cap_of(shape) + 1)
    return select(func.count()).select_from(bounded.subquery())
