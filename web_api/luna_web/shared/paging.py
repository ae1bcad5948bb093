"""Pages of lists: bounded, totally ordered, never counting a million rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from luna_web.shared.errors import ValidationFailed

T = TypeVar("T")
U = TypeVar("U")
REACH = 10_000
Sortable = ColumnElement[Any] | InstrumentedAttribute[Any]
Sorts = Mapping[str, Sortable]


class Order(StrEnum):
    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class PageParams:
    """`page` from 1, `limit` 1…100; `sort` and `order` None = the list's own default."""

    page: int = 1
    limit: int = 20
    sort: str | None = None
    order: Order | None = None

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit


class Pagination(BaseModel):
    page: int
    limit: int
    total: int = Field(description="Exact up to 10,000")
    total_pages: int
    total_capped: bool = Field(False, description="There are more than `total`")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    pagination: Pagination

    def map(self, convert: Callable[[T], U]) -> "Page[U]":
        return Page([convert(item) for item in self.items], self.pagination)


def pagination_of(params: PageParams, total: int, cap: int = REACH) -> Pagination:
    """`total` may be counted up to `cap` + 1; beyond `cap` it is told as capped."""
    shown = min(total, cap)
    return Pagination(
        page=params.page,
        limit=params.limit,
        total=shown,
        total_pages=-(-shown // params.limit),
        total_capped=total > cap,
    )


def chosen_sort(params: PageParams, allowed: Sequence[str], default: str) -> str:
    """The sort asked for, or the default; an unknown one is 422 naming the allowed."""
    if params.sort is None:
        return default
    if params.sort not in allowed:
        raise ValidationFailed({"sort": [f"must be one of: {', '.join(sorted(allowed))}"]})
    return params.sort


def count_capped(session: Session, query: Select[Any], cap: int = REACH) -> int:
    """How many rows the query has, counted up to `cap` + 1."""
    bounded = query.order_by(None).with_only_columns(func.now(), maintain_column_froms=True).limit(cap + 1).subquery()
    return session.scalar(select(func.count()).select_from(bounded)) or 0


def paginate(
    session: Session,
    query: Select[T],
    params: PageParams,
    sorts: Sorts,
    *,
    default: str,
    tie: Sortable,
    default_order: Order = Order.ASC,
) -> Page[T]:
    """One page of a query of entities.

    `sorts` maps the names that clients may sort by to columns; ties break on `tie` (the id), in the same direction,
    so that paging repeats and skips nothing. Rows without a value come last.
    """
    column = sorts[chosen_sort(params, tuple(sorts), default)]
    order = params.order or default_order
    directed = [_directed(column, order), _directed(tie, order)]
    rows = session.scalars(query.order_by(*directed).offset(params.offset).limit(params.limit)).unique().all()
    return Page(rows, pagination_of(params, _total(session, query, params, len(rows))))


def _total(session: Session, query: Select[Any], params: PageParams, found: int) -> int:
    """A page that is not full is the last: its rows tell how many there are. Beyond the end nothing is known."""
    if 0 < found < params.limit or found == params.offset == 0:
        return params.offset + found
    return count_capped(session, query)


def _directed(column: Sortable, order: Order) -> ColumnElement[Any]:
    return (column.asc() if order is Order.ASC else column.desc()).nulls_last()
