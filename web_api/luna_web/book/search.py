"""Searching the catalog: what a reader types, as conditions on `books`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import TSQUERY

from luna_web.book.domain import COPY_STATUSES_OF, BookStatus, CopyStatus
from luna_web.book.isbn import parse_isbn
from luna_web.book.models import Book, Copy

CONFIGURATION: ColumnElement[Any] = literal_column("'public.luna'::regconfig")
CANDIDATES = 1_000
"""Ranking reads every match; beyond these many it would take longer than a reader waits."""
MAX_WORDS = 16
_WORD = re.compile(r"\S+")
_TITLE, _AUTHOR, _PUBLISHER = "A", "B", "C"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of books is narrowed to. `isbn13` is parsed already."""

    q: str | None = None
    author: str | None = None
    title: str | None = None
    publisher: str | None = None
    isbn13: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    status: BookStatus | None = None
    shelf_location: str | None = None


def words_of(text: str) -> list[str]:
    """The words of a query as `to_tsquery` takes them, quoted, the first sixteen."""
    return ["'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in _WORD.findall(text)[:MAX_WORDS]]


def query_text(text: str) -> str:
    """All words must be there; the last may be unfinished."""
    words = words_of(text)
    return " & ".join([*words[:-1], f"{words[-1]}:*"]) if words else ""


def field_text(text: str, weight: str) -> str:
    """All words must be in the field that has this weight, each perhaps unfinished."""
    return " & ".join(f"{word}:*{weight}" for word in words_of(text))


def _matches(text: str) -> ColumnElement[bool]:
    return Book.search.bool_op("@@")(tsquery(text))


def tsquery(text: str) -> ColumnElement[Any]:
    return func.to_tsquery(CONFIGURATION, text, type_=TSQUERY)


def conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """Everything that a listed book must fulfil."""
    found: list[ColumnElement[bool]] = [Book.deleted_at.is_(None)]
    if filters.q:
        found.append(_typed(filters.q))
    by_field = ((filters.title, _TITLE), (filters.author, _AUTHOR), (filters.publisher, _PUBLISHER))
    found += [_matches(field_text(text, weight)) for text, weight in by_field if text]
    if filters.isbn13:
        found.append(Book.isbn13 == filters.isbn13)
    if filters.year_from is not None:
        found.append(Book.publication_year >= filters.year_from)
    if filters.year_to is not None:
        found.append(Book.publication_year <= filters.year_to)
    if filters.status:
        found.append(_has_status(filters.status))
    if filters.shelf_location:
        found.append(_has_copy(Copy.shelf_location.startswith(filters.shelf_location, autoescape=True)))
    return found


def _typed(q: str) -> ColumnElement[bool]:
    """What a reader typed is an ISBN, or words."""
    isbn13 = parse_isbn(q)
    return Book.isbn13 == isbn13 if isbn13 else _matches(query_text(q))


def _has_copy(*having: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(1).where(Copy.book_id == Book.id, Copy.deleted_at.is_(None), *having))


def _has_any(statuses: Sequence[CopyStatus]) -> ColumnElement[bool]:
    return _has_copy(Copy.status.in_(statuses))


def _has_status(wanted: BookStatus) -> ColumnElement[bool]:
    """One copy gives the title this status and none a better one (see `domain.book_status`)."""
    better: list[CopyStatus] = []
    for status, given_by in COPY_STATUSES_OF.items():
        if status is wanted:
            own = _has_any(sorted(given_by))
            return and_(own, ~_has_any(better)) if better else own
        better += sorted(given_by)
    return ~_has_any(better)


def ranked(filters: Filters) -> Select[Any]:
    """Ids of the best matches first, among the first thousand found."""
    candidates = select(Book.id, Book.search).where(*conditions(filters)).limit(CANDIDATES).cte("candidates")
    rank = func.ts_rank(candidates.c.search, tsquery(query_text(filters.q or "")), 1)
    return select(candidates.c.id).order_by(rank.desc(), candidates.c.id)
