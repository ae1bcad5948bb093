"""Searching the catalog: what a list is narrowed to, as conditions on `books`."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from sqlalchemy import Boolean, ColumnElement, false, func, literal_column, select
from sqlalchemy.dialects.postgresql import TSQUERY

from luna_web.book.domain import BookStatus
from luna_web.book.models import Book, Copy, TitleStatus
from luna_web.book.words import Typed

CONFIGURATION: ColumnElement[Any] = literal_column("'pg_catalog.simple'::regconfig")
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
    def has_words(self) -> bool:
        """Whether anything is asked of the full-text index."""
        return bool(self._typed)

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

    def conditions(self, q: ColumnElement[bool] | None = None) -> list[ColumnElement[bool]]:
        """Everything that a listed book must fulfil; `q` in place of what follows from `self.q`."""
        found: list[ColumnElement[bool]] = [Book.deleted_at.is_(None)]
        if self.q:
            found.append(matches(self.q) if q is None else q)
        by_field = ((self.title, _TITLE), (self.author, _AUTHOR), (self.publisher, _PUBLISHER))
        found += [matches(typed, weight) for typed, weight in by_field if typed]
        return found + _by_value(self.filters)


def _folded(typed: Typed | None, rest: Iterator[str]) -> Typed | None:
    return typed.folded([next(rest) for _ in typed.to_fold]) if typed else None


def matches(typed: Typed, weight: str = "") -> ColumnElement[bool]:
    """All words are in the title's record, or in the field of this weight. Nothing but punctuation finds nothing."""
    return has(typed.query(weight))


def has(query: str) -> ColumnElement[bool]:
    """What `to_tsquery` makes of this is in the title's record."""
    return Book.search.bool_op("@@")(tsquery(query)) if query else false()


def proves_to_have(query: str) -> ColumnElement[bool]:
    """The same of a title that was found otherwise: the full-text index is not asked."""
    return func.ts_match_vq(Book.search, tsquery(query), type_=Boolean) if query else false()


def tsquery(text: str) -> ColumnElement[Any]:
    return func.to_tsquery(CONFIGURATION, text, type_=TSQUERY)


def _by_value(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.isbn13:
        found.append(has_isbn(filters.isbn13))
    if filters.year_from is not None:
        found.append(Book.publication_year >= filters.year_from)
    if filters.year_to is not None:
        found.append(Book.publication_year <= filters.year_to)
    if filters.status:
        found.append(_there_is(TitleStatus.book_id == Book.id, TitleStatus.status == filters.status))
    if filters.shelf_location:
        found.append(_on_shelf(filters.shelf_location))
    return found


def has_isbn(isbn13: str) -> ColumnElement[bool]:
    """The title's own ISBN, or one that its record has beside it."""
    found = Book.search.bool_op("@@")(tsquery(f"'{isbn13}'"))
    return found & ((Book.isbn13 == isbn13) | Book.isbns_other.contains([isbn13]))


def _on_shelf(beginning: str) -> ColumnElement[bool]:
    standing = Copy.shelf_location.startswith(beginning, autoescape=True)
    return _there_is(Copy.book_id == Book.id, Copy.deleted_at.is_(None), standing)


def _there_is(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """A row of another table that belongs to the title, whatever else the list joins."""
    return select(1).where(*which).correlate(Book).exists()
