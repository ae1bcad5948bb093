"""A search that found nothing, with each unknown word exchanged for the known one that was most likely meant."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from luna_web.book import spelling
from luna_web.book.repository import vocabulary
from luna_web.book.words import Typed

COMPARED = 3
"""Of the nearest words so many are weighed by how many titles have them."""
SHORTEST = 3


def corrected(session: Session, typed: Typed, *, all_unknown: bool) -> Typed | None:
    """What was probably meant; None if every word is known or nothing is near enough.

    `all_unknown`: no title has any of the words, which needs no asking then. What comes back may itself be in no title
    any more, since words stay known. In a transaction of a search: see `lists.PLANNED`.
    """
    single = sorted(typed.single)
    titles = {} if all_unknown else vocabulary.titles_with(session, single)
    unknown = [word for word in single if not titles.get(word) and SHORTEST <= len(word) <= spelling.LONGEST]
    return typed.corrected(_meant(session, unknown).get)


def _meant(session: Session, unknown: Sequence[str]) -> dict[str, str]:
    """For each of these words, among those of the smallest distance the one that most titles have."""
    nearest = {word: near for word in unknown if (near := _nearest(session, word))}
    several = sorted({one for near in nearest.values() if len(near) > 1 for one in near})
    titles = vocabulary.titles_with(session, several)
    return {word: max(near, key=lambda one: titles.get(one, 0)) for word, near in nearest.items()}


def _nearest(session: Session, word: str) -> list[str]:
    return spelling.nearest(word, vocabulary.similar(session, word))[:COMPARED]
