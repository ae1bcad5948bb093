"""Which word a mistyped one was meant to be. Pure.

Distances are those of optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, with no
letter moved twice.
"""

from collections.abc import Iterable, Iterator

LONGEST = 40


def allowed_edits(word: str) -> int:
    """How many slips a word of this length may hold: one in a short word, two from six letters, three from ten."""
    return 1 + (len(word) >= 6) + (len(word) >= 10)


def nearest(word: str, candidates: Iterable[str]) -> list[str]:
    """The candidates of the smallest distance within the allowed edits, by the alphabet."""
    measured = sorted(_measured(word, candidates))
    return [candidate for edits, candidate in measured if edits == measured[0][0]]


def _measured(word: str, candidates: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The distance of each candidate that has as few edits as are allowed."""
    from rapidfuzz.distance.OSA import distance  # most processes correct nothing

    allowed = allowed_edits(word)
    for candidate in candidates:
        if 0 < (edits := distance(word, candidate, score_cutoff=allowed)) <= allowed:
            yield edits, candidate
