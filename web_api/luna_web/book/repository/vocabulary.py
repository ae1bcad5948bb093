"""The words of the catalog, for correcting a mistyped one."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from luna_web.book.models import Book, SearchTerm
from luna_web.book.search import tsquery

SIMILAR = 50
"""So many of the most similar words are looked at more closely."""
THRESHOLD = 0.2
"""Share of trigrams that similar words have in common: two swapped letters in a word of six leave a quarter."""
COUNTED = 200
"""Titles are counted up to here to say which of two words is the commoner."""


def lower_threshold(session: Session) -> None:
    """From here on `similar` finds words down to `THRESHOLD` in this transaction."""
    session.execute(select(func.set_config("pg_trgm.similarity_threshold", str(THRESHOLD), True)))


def similar(session: Session, word: str) -> Sequence[str]:
    """The words that share most trigrams with this one."""
    return session.scalars(alike(word)).all()


def alike(word: str) -> Select[str]:
    """Words with enough trigrams in common and of about the same length, the most similar first."""
    near = SearchTerm.term.bool_op("%")(word) & func.length(SearchTerm.term).between(len(word) - 3, len(word) + 3)
    likeness = func.similarity(SearchTerm.term, word)
    return select(SearchTerm.term).where(near).order_by(likeness.desc(), SearchTerm.term).limit(SIMILAR)


def titles_with(session: Session, word: str) -> int:
    """How many living titles have a word, counted up to 200."""
    having = select(Book.id).where(Book.search.bool_op("@@")(tsquery(f"'{word}'")), Book.deleted_at.is_(None))
    return session.scalar(select(func.count()).select_from(having.limit(COUNTED).subquery())) or 0


def learn_some(session: Session) -> bool:
    """Add the words of some titles that were written by thousands; False when none wait."""
    return bool(session.scalar(select(func.learn_search_terms())))
