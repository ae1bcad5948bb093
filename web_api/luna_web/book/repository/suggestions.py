"""Completions of what is being typed: what begins with it, by the sorted indexes; what has its words, by full text."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from luna_web.book.models import Book
from luna_web.book.repository.titles import living
from luna_web.book.search import has
from luna_web.book.words import Typed

AUTHORS_READ = 200
"""Titles whose authors are looked at: one who wrote hundreds hides the next."""


class Completion(NamedTuple):
    key: str | None
    text: str
    book_id: UUID


def titles_beginning(session: Session, asked: str, limit: int) -> Sequence[Completion]:
    """Titles that begin like this, in the script of the book or transcribed, by the alphabet."""
    by_key = _beginning(Book.title_key, asked, limit)
    in_own_script = _beginning(Book.own_key, asked, limit).where(Book.own_key.is_not(None))
    return [Completion(*row) for query in (by_key, in_own_script) for row in session.execute(query)]


def authors_beginning(session: Session, asked: str) -> Sequence[Completion]:
    """Authors of titles, once a title, by the alphabet."""
    query = (
        select(Book.author_key, Book.author, Book.id)
        .where(living(), Book.author_key.startswith(asked, autoescape=True))
        .order_by(Book.author_key, Book.id)
        .limit(AUTHORS_READ)
    )
    return [Completion(key, author or "", book_id) for key, author, book_id in session.execute(query)]


def titles_having(session: Session, typed: Typed, limit: int) -> Sequence[Completion]:
    """Titles with these words in title or author."""
    asked = typed.query("AB")
    if not asked:
        return []
    query = select(Book.title_key, Book.title, Book.id).where(living(), has("words")).limit(limit)
    return [Completion(*row) for row in session.execute(query, {"words": asked})]


def _beginning(key: InstrumentedAttribute[Any], asked: str, limit: int) -> Select[Any]:
    matching = select(key, Book.title, Book.id).where(living(), key.startswith(asked, autoescape=True))
    return matching.order_by(key, Book.id).limit(limit)
