"""The words of the catalog, for correcting a mistyped one."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, Text, bindparam, func, select
from sqlalchemy.orm import Session

from luna_web.book.models import Book, SearchTerm
from luna_web.book.search import as_indexed, has

SIMILAR = 50
"""So many of the most similar words are looked at more closely."""
COUNTED = 200
"""Titles are counted up to here to say which of two words is the commoner."""


def similar(session: Session, word: str) -> Sequence[str]:
    """The words that share most trigrams with this one, of those that `lists.PLANNED` lets pass."""
    return session.connection().execute(ALIKE, alike(word)).scalars().all()


def _alike() -> Select[str]:
    given, length = bindparam("word", type_=Text()), func.length(SearchTerm.term)
    near = SearchTerm.term.bool_op("%")(given)
    about_as_long = length.between(bindparam("shortest", type_=Integer()), bindparam("longest", type_=Integer()))
    likeness = func.similarity(SearchTerm.term, given)
    query = select(SearchTerm.term).where(near, about_as_long)
    return query.order_by(likeness.desc(), SearchTerm.term).limit(SIMILAR)


ALIKE = _alike()
"""Words with enough trigrams in common and of about the same length, the most similar first."""


def alike(word: str) -> dict[str, Any]:
    """What `ALIKE` is asked with."""
    return {"word": word, "shortest": len(word) - 3, "longest": len(word) + 3}


def titles_with(session: Session, words: Sequence[str]) -> dict[str, int]:
    """How many living titles have each of these words, counted up to 200."""
    if not words:
        return {}
    asked = {f"word_{number}": as_indexed(word) for number, word in enumerate(words)}
    counts = session.connection().execute(_counting(len(words)), asked).one()
    return dict(zip(words, counts, strict=True))


@lru_cache
def _counting(words: int) -> Select[Any]:
    """A column a word, so that each is planned by how common it is."""
    having = (
        select(Book.id).where(has(f"word_{number}"), Book.deleted_at.is_(None)).limit(COUNTED).subquery()
        for number in range(words)
    )
    return select(*(select(func.count()).select_from(one).scalar_subquery() for one in having))


def learn_some(session: Session) -> bool:
    """Add the words of some titles that were written by thousands; False when none wait."""
    return bool(session.scalar(select(func.learn_search_terms())))
