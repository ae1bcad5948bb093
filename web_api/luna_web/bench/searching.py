"""How soon searches answer: over HTTP uncached and cached, beside the bare query that finds the ids."""

from typing import Any

import psycopg
from sqlalchemy import Select
from sqlalchemy.orm import Session

from luna_web.bench.client import percentile, timed
from luna_web.bench.questions import Params, Questions, Sample
from luna_web.bench.sections import Bench, Cell, Section
from luna_web.book.domain import BookStatus
from luna_web.book.repository import lists, ranking, sorting, vocabulary
from luna_web.book.search import Filters, Question
from luna_web.shared.paging import Order, PageParams

PATH = "/api/v1/books"
COLUMNS = ("kind of question", "n", "p50", "p95", "p99", "cached p50", "cached p95", "bare query p50", "bare query p95")


def measure(bench: Bench) -> Section:
    """Each kind of question `bench.times` times: first uncached, then the same again, then the bare query.

    Other questions of the kind are asked before, since a library's server has been up for a while.
    """
    sample = bench.rows(Sample.of)
    questions, others = Questions(sample), Questions(sample, seed=2).kinds()
    url = bench.settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    as_ours = " ".join(f"-c {name}={value}" for name, value in lists.PLANNED.items())
    with psycopg.connect(url, autocommit=True, options=as_ours) as connection:
        rows = []
        for name, kind in questions.kinds().items():
            bench.tell(f"search: {name}")
            for params in questions.draw(others[name], bench.times):
                bench.client.get(PATH, **params)
            rows.append(_row(bench, connection, name, list(questions.draw(kind, bench.times))))
    return Section("Search through the API", COLUMNS, tuple(rows))


def _row(
    bench: Bench, connection: psycopg.Connection[tuple[Any, ...]], name: str, asked: list[Params]
) -> tuple[Cell, ...]:
    uncached = [timed(lambda p=params: bench.client.get(PATH, **p)) for params in asked]  # type: ignore[misc]
    cached = [timed(lambda p=params: bench.client.get(PATH, **p)) for params in asked]  # type: ignore[misc]
    bare = [_bare(bench, connection, name, params) for params in asked]
    return (
        name, len(asked), percentile(uncached, 0.5), percentile(uncached, 0.95), percentile(uncached, 0.99),
        percentile(cached, 0.5), percentile(cached, 0.95), percentile(bare, 0.5), percentile(bare, 0.95),
    )  # fmt: skip


def _bare(bench: Bench, connection: psycopg.Connection[tuple[Any, ...]], name: str, params: Params) -> float:
    """The one statement that finds the ids (for a typo: the words alike), sent by the driver alone."""
    asked: tuple[Select[Any], Params] = bench.rows(lambda session: _statement(session, name, params))
    statement, values = asked
    compiled = statement.compile(bench.factory.kw["bind"])
    sent, given = str(compiled), compiled.construct_params(values)
    return timed(lambda: connection.execute(sent, given).fetchall())


def _statement(session: Session, name: str, params: Params) -> tuple[Select[Any], Params]:
    """The statement with its values."""
    if name == "typo":
        return vocabulary.ALIKE, vocabulary.alike(params["q"])
    status = BookStatus(params["status"]) if "status" in params else None
    question = Question.of(Filters(q=params.get("q"), status=status, year_from=params.get("year_from")))
    question = question.folded(lists.state(session, question.to_fold).folded)
    page = PageParams(params.get("page", 1), params["limit"])
    values = question.values | {"page_offset": page.offset, "page_limit": page.limit}
    if "sort" not in params:
        return ranking.ranked(question.shape), values
    find = sorting.first_way(question.shape, status)
    return find(question.shape, params["sort"], Order(params.get("order", "asc"))), values
