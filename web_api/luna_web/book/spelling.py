"""Which word a mistyped one was meant to be. Pure."""

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
    allowed = allowed_edits(word)
    for candidate in candidates:
        if abs(len(candidate) - len(word)) <= allowed and 0 < (edits := distance(word, candidate)) <= allowed:
            yield edits, candidate


def distance(one: str, other: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other.

    Optimal string alignment: Damerau's edits, with no letter moved twice (Boytsov 2011, section 2.2).
    """
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, wanted in enumerate(other, start=1):
            best = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != wanted))
            swapped = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted
            line.append(min(best, before[column - 2] + 1) if swapped else best)
        before, above = above, line
    return above[-1]
