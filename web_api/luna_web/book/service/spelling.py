"""A search that found nothing, with each unknown word exchanged for the known one that was most likely meant."""

from sqlalchemy.orm import Session

from luna_web.book import spelling
from luna_web.book.repository import vocabulary
from luna_web.book.words import Typed

COMPARED = 3
"""Of the nearest words so many are weighed by how many titles have them."""
SHORTEST = 3


def corrected(session: Session, typed: Typed) -> Typed | None:
    """What was probably meant; None if every word is known or nothing is near enough."""
    unknown = {word for word in typed.single if not vocabulary.titles_with(session, word)}
    vocabulary.lower_threshold(session)
    better = {word: _meant(session, word) for word in unknown if SHORTEST <= len(word) <= spelling.LONGEST}
    return typed.corrected(better.get)


def _meant(session: Session, word: str) -> str | None:
    """Among the words of the smallest distance the one that most titles have."""
    near = spelling.near(word, vocabulary.similar(session, word))
    nearest = [one for one in near if spelling.distance(word, one) == spelling.distance(word, near[0])][:COMPARED]
    counted = [(vocabulary.titles_with(session, one), one) for one in nearest]
    titles, best = max(counted, key=lambda pair: pair[0], default=(0, None))
    return best if titles else None
