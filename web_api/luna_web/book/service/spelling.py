"""A search that found nothing, with each unknown word exchanged for the known one that was most likely meant."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from luna_web.book import spelling
from luna_web.book.repository import vocabulary
from luna_web.book.words import Typed

COMPARED = 3
"""Of the nearest words so many are weighed by how many titles have them."""
SHORTEST = 3


def corrected(session: Session, typed: Typed, *, all_unknown: bool) -> Typed | None:
    """What was probably meant; None if every word is known or nothing is near enough.

    `all_unknown`: no title has any of the words, which needs no asking then; nor does a word that no other is as near
    as, since the search that follows tells whether a title has it. In a transaction of a search: see `lists.PLANNED`.
    """
    single = sorted(typed.single)
    titles = {} if all_unknown else vocabulary.titles_with(session, single)
    unknown = [word for word in single if not titles.get(word) and SHORTEST <= len(word) <= spelling.LONGEST]
    nearest = {word: near for word in unknown if (near := _nearest(session, word))}
    if all_unknown and all(len(near) == 1 for near in nearest.values()):
        return typed.corrected({word: near[0] for word, near in nearest.items()}.get)
    return typed.corrected(_commonest(session, nearest).get)


def _commonest(session: Session, nearest: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """For each word, of those near it the one that most titles have, if any has one."""
    titles = vocabulary.titles_with(session, sorted({one for near in nearest.values() for one in near}))
    meant = {word: max(near, key=lambda one: titles[one]) for word, near in nearest.items()}
    return {word: best for word, best in meant.items() if titles[best]}


def _nearest(session: Session, word: str) -> list[str]:
    return spelling.nearest(word, vocabulary.similar(session, word))[:COMPARED]
