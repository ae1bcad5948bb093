"""Searching the catalog: what a list is narrowed to, as conditions on `books`.

Conditions name their values and do not hold them, since putting a statement together costs more than to run it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from sqlalchemy import Boolean, ColumnElement, Text, any_, bindparam, false, func, literal_column, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute

from luna_web.book.domain import BookStatus
from luna_web.book.models import Book, Copy, TitleStatus
from luna_web.book.words import Typed
from luna_web.shared.database import Base

CONFIGURATION: ColumnElement[Any] = literal_column("'pg_catalog.simple'::regconfig")
_WEIGHTS = {"title": "A", "author": "B", "publisher": "C"}
ESCAPE = "/"


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

    @property
    def asks_copies(self) -> bool:
        """Whether the answer depends on copies, too."""
        return self.status is not None or self.shelf_location is not None

    def as_plain(self) -> dict[str, Any]:
        """What is set, by name."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}


@dataclass(frozen=True, slots=True)
class Question:
    """A list's filters, with their words as the database folds them."""

    filters: Filters
    q: Typed | None = None
    title: Typed | None = None
    author: Typed | None = None
    publisher: Typed | None = None

    @classmethod
    def of(cls, filters: Filters) -> Self:
        texts = (filters.q, filters.title, filters.author, filters.publisher)
        return cls(filters, *(Typed.of(text) if text else None for text in texts))

    @property
    def _typed(self) -> list[Typed]:
        return [typed for typed in (self.q, self.title, self.author, self.publisher) if typed]

    @property
    def is_one_word(self) -> bool:
        """Whether one word of `q` is all that is asked."""
        return self.q is not None and len(self.q.words) == 1 and self.filters.as_plain().keys() == {"q"}

    @property
    def to_fold(self) -> list[str]:
        """All texts that `luna_text` is to make of, so that one query does it."""
        return [text for typed in self._typed for text in typed.to_fold]

    def folded(self, texts: list[str]) -> Self:
        """With what `luna_text` made of `to_fold`."""
        rest = iter(texts)
        q, title, author, publisher = (
            _folded(typed, rest) for typed in (self.q, self.title, self.author, self.publisher)
        )
        return replace(self, q=q, title=title, author=author, publisher=publisher)

    @property
    def shape(self) -> "Shape":
        """What is asked, without the words and values."""
        begun, whole = (self.q.query(), self.q.query(finished=True)) if self.q else ("", "")
        return Shape(
            narrowed=frozenset(self.filters.as_plain()),
            hopeless=not all(typed.plain for typed in self._typed),
            may_go_on=begun != whole,
        )

    @property
    def values(self) -> dict[str, Any]:
        """What a statement of its shape is executed with."""
        given = self.filters.as_plain()
        if self.q:
            begun, whole = self.q.query(), self.q.query(finished=True)
            given |= {"q": begun, "q_whole": whole, "q_others": f"({begun}) & !({whole})", "q_plain": self.q.plain}
        by_field = (("title", self.title), ("author", self.author), ("publisher", self.publisher))
        given |= {name: typed.query(_WEIGHTS[name]) for name, typed in by_field if typed}
        if self.filters.isbn13:
            given["isbn_word"] = as_indexed(self.filters.isbn13)
        if self.filters.shelf_location:
            given["shelf_location"] = beginning_with(self.filters.shelf_location)
        return given


@dataclass(frozen=True, slots=True)
class Shape:
    """What a question asks without what it asks for: all questions of one shape are one statement, put together once.

    `narrowed` names the filters that are set. `hopeless`: something typed has no words, and finds nothing.
    `may_go_on`: the last word of `q` may be unfinished.
    """

    narrowed: frozenset[str]
    hopeless: bool = False
    may_go_on: bool = False

    @property
    def has_words(self) -> bool:
        """Whether anything is asked of the full-text index."""
        return bool(self.narrowed & {"q", *_WEIGHTS})

    def without(self, name: str) -> "Shape":
        """The same, not narrowed by this filter."""
        return replace(self, narrowed=self.narrowed - {name})

    def conditions(self, q: ColumnElement[bool] | None = None) -> list[ColumnElement[bool]]:
        """Everything that a listed book must fulfil; `q` in place of what follows from what was typed."""
        found: list[ColumnElement[bool]] = [Book.deleted_at.is_(None)]
        if self.hopeless:
            found.append(false())
        if "q" in self.narrowed:
            found.append(has("q") if q is None else q)
        found += [has(name) for name in _WEIGHTS if name in self.narrowed]
        return found + [condition() for name, condition in _BY_VALUE.items() if name in self.narrowed]


def _folded(typed: Typed | None, rest: Iterator[str]) -> Typed | None:
    return typed.folded([next(rest) for _ in typed.to_fold]) if typed else None


def has(name: str) -> ColumnElement[bool]:
    """What `to_tsquery` makes of this value is in the title's record."""
    return Book.search.bool_op("@@")(tsquery(name))


def proves_to_have(name: str) -> ColumnElement[bool]:
    """The same of a title that was found otherwise: the full-text index is not asked."""
    return func.ts_match_vq(Book.search, tsquery(name), type_=Boolean)


def tsquery(name: str) -> ColumnElement[Any]:
    return func.to_tsquery(CONFIGURATION, bindparam(name, type_=Text()), type_=TSQUERY)


def as_indexed(text: str) -> str:
    """A word of the index for `to_tsquery`."""
    return f"'{text}'"


def beginning_with(text: str) -> str:
    """The pattern of LIKE for what begins so."""
    return re.sub(f"[%_{ESCAPE}]", rf"{ESCAPE}\g<0>", text) + "%"


def has_isbn() -> ColumnElement[bool]:
    """`isbn13` is the title's own, or stands beside that. `isbn_word` is the same `as_indexed`."""
    given = bindparam("isbn13", type_=Text())
    return has("isbn_word") & ((Book.isbn13 == given) | (given == any_(Book.isbns_other)))


def _from_year() -> ColumnElement[bool]:
    return Book.publication_year >= bindparam("year_from")


def _to_year() -> ColumnElement[bool]:
    return Book.publication_year <= bindparam("year_to")


def has_status(book_id: ColumnElement[Any] | InstrumentedAttribute[Any] = Book.id) -> ColumnElement[bool]:
    """The title of this id has the status asked for."""
    return _there_is(TitleStatus, TitleStatus.book_id == book_id, TitleStatus.status == bindparam("status"))


def _on_shelf() -> ColumnElement[bool]:
    standing = Copy.shelf_location.like(bindparam("shelf_location"), escape=ESCAPE)
    return _there_is(Copy, Copy.book_id == Book.id, Copy.deleted_at.is_(None), standing)


def _there_is(table: type[Base], *which: ColumnElement[bool]) -> ColumnElement[bool]:
    """A row of another table that belongs to the title, whatever else the list joins."""
    return select(1).where(*which).correlate_except(table).exists()


_BY_VALUE: dict[str, Callable[[], ColumnElement[bool]]] = {
    "isbn13": has_isbn,
    "year_from": _from_year,
    "year_to": _to_year,
    "status": has_status,
    "shelf_location": _on_shelf,
}
