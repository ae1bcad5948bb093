"""A search that found nothing, with each unknown word exchanged for the known one that was most likely meant."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from luna_web.book import spelling
from luna_web.book.repository import vocabulary
from luna_web.book.words import Typed

COMPARED = 3
"""Of the nearest words so many are weighed by how many titles have them."""
SHORTEST = 3


def corrected(session: Session, typed: Typed) -> Typed | None:
    """What was probably meant; None if every word is known or nothing is near enough.

    In a transaction of a search: see `lists.PLANNED`.
    """
    known = vocabulary.titles_with(session, sorted(typed.single))
    unknown = [word for word, titles in known.items() if not titles and SHORTEST <= len(word) <= spelling.LONGEST]
    return typed.corrected(_meant(session, unknown).get)


def _meant(session: Session, unknown: Sequence[str]) -> dict[str, str]:
    """For each of these words, among those of the smallest distance the one that most titles have."""
    nearest = {word: _nearest(session, word) for word in unknown}
    titles = vocabulary.titles_with(session, sorted({one for near in nearest.values() for one in near}))
    meant = {word: max(near, key=lambda one: titles[one]) for word, near in nearest.items() if near}
    return {word: best for word, best in meant.items() if titles[best]}


def _nearest(session: Session, word: str) -> list[str]:
    return spelling.nearest(word, vocabulary.similar(session, word))[:COMPARED]
