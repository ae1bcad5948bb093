"""Lists and searches: ids of titles, in order. The rows follow by id, so that what is sorted and cached stays narrow.

No list counts or ranks more than a bound: see docs/catalog.md for the plans.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from luna_web.book.models import CatalogGeneration
from luna_web.book.repository.asking import Asking, Found
from luna_web.book.repository.ranking import by_relevance
from luna_web.book.repository.sorting import SORTS, in_order
from luna_web.book.search import Question
from luna_web.shared.paging import PageParams, chosen_sort

RELEVANCE = "relevance"


@dataclass(frozen=True, slots=True)
class CatalogState:
    """How often titles and copies were changed so far, and the texts asked about, folded."""

    titles: int
    copies: int
    folded: list[str]


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
    return by_relevance(asking, params) if sort == RELEVANCE else in_order(asking, sort, params)
