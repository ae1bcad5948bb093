"""What was wrong, as a table for a spreadsheet."""

import csv
import io
from collections.abc import Iterator, Sequence
from uuid import UUID

from luna_web.book.imports import repository
from luna_web.book.imports.domain import Severity
from luna_web.book.imports.models import ImportProblem
from luna_web.shared.csv_cells import defused
from luna_web.shared.database import SessionFactory, transaction

HEADER = ("severity", "record", "line", "field", "reason", "value")
PAGE = 1000
_BOM = "\ufeff"
"""By which spreadsheets know UTF-8."""


def as_csv(factory: SessionFactory, job_id: UUID, severity: Severity | None) -> Iterator[str]:
    """The table, page by page, each read in a transaction of its own so that a slow client holds none open."""
    yield _BOM + _lines([HEADER])
    number = 0
    while True:
        with transaction(factory) as session:
            problems = repository.problems_after(session, job_id, severity, number, PAGE)
        if not problems:
            return
        yield _lines([_row(problem) for problem in problems])
        number = problems[-1].number


def _row(problem: ImportProblem) -> tuple[str, ...]:
    numbers = (str(problem.record or ""), str(problem.line or ""))
    texts = (problem.field, problem.reason, problem.value)
    return (problem.severity, *numbers, *(defused(text or "") for text in texts))


def _lines(rows: Sequence[Sequence[str]]) -> str:
    sink = io.StringIO()
    csv.writer(sink).writerows(rows)
    return sink.getvalue()
