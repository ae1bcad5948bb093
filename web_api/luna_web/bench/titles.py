"""A catalog of any size that reads like the seed catalog: its words, names and publishers put together anew.

Words keep the frequency that they have in the sample, and their script; a share of them is made up from halves of two,
so that the vocabulary grows with the catalog as a real one does (Heaps' law). The same seed makes the same titles.
"""

import json
import random
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from luna_web.book.isbn import check_digit
from luna_web.book.seed import SEED, copies_of
from luna_web.shared.ids import uuid7

NEW_WORDS = 0.05
WITH_ISBN = 0.69
"""Share of the Library of Congress's records that have one."""
FIRST_DAY_MS = 1_700_000_000_000
ISBN_STEP = 3_571
"""Coprime to the 10⁹ ISBN bodies, so that numbers are spread and none comes twice."""


@dataclass(frozen=True, slots=True)
class MadeTitle:
    id: UUID
    title: str
    title_romanized: str | None
    author: str
    author_romanized: str | None
    isbn13: str | None
    control_number: str
    publisher: str
    publication_year: int
    description: str | None
    language: str | None
    call_number: str
    copies: int


class Maker:
    """Makes titles from the rows of a seed catalog."""

    def __init__(self, sample: Sequence[dict[str, Any]], seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable is what it must be
        self._sample = sample
        self._words: dict[tuple[str | None, str], list[str]] = {}
        for row in sample:
            for name in ("title", "title_romanized", "description"):
                for word in str(row.get(name) or "").split():
                    self._words.setdefault((row.get("language"), script_of(word)), []).append(word)

    @classmethod
    def from_seed(cls, path: Path = SEED, seed: int = 1) -> "Maker":
        return cls([json.loads(line) for line in path.read_text().splitlines()], seed)

    def titles(self, count: int) -> Iterator[MadeTitle]:
        for number in range(count):
            yield self._title(number)

    def _title(self, number: int) -> MadeTitle:
        pick, row, other = self._random, self._random.choice(self._sample), self._random.choice(self._sample)
        control_number = f"made{number:08}"
        return MadeTitle(
            id=uuid7(FIRST_DAY_MS + number, pick.getrandbits(74)),
            title=self._like(row, "title") or row["title"],
            title_romanized=self._like(row, "title_romanized"),
            author=self._name(row["author"], other["author"]),
            author_romanized=row.get("author_romanized"),
            isbn13=self._isbn(number),
            control_number=control_number,
            publisher=other["publisher"],
            publication_year=other["publication_year"],
            description=self._like(row, "description"),
            language=row.get("language"),
            call_number=other["call_number"],
            copies=copies_of(control_number),
        )

    def _like(self, row: dict[str, Any], field: str) -> str | None:
        """As many words, each of the same language and script."""
        language = row.get("language")
        return (
            " ".join(self._word(self._words[language, script_of(word)]) for word in row.get(field, "").split()) or None
        )

    def _word(self, pool: list[str]) -> str:
        word = self._random.choice(pool)
        if self._random.random() < NEW_WORDS:
            other = self._random.choice(pool)
            word = word[: (len(word) + 1) // 2] + other[len(other) // 2 :]
        return word

    def _name(self, one: str, other: str) -> str:
        """A surname and another's given names, where both are written in one script."""
        if script_of(one) != script_of(other):
            return one
        return ", ".join((one.partition(", ")[0], other.partition(", ")[2] or "A."))

    def _isbn(self, number: int) -> str | None:
        if self._random.random() >= WITH_ISBN:
            return None
        body = f"978{number * ISBN_STEP % 10**9:09}"
        return body + check_digit(body)


def script_of(word: str) -> str:
    """The script of a word's first letter, by its Unicode name (`LATIN`, `CYRILLIC`, `CJK`); "" where it has none."""
    letter = next((char for char in word if char.isalpha()), "")
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""
