"""What readers ask: a repeatable choice of questions of each kind, drawn from the titles that are there."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal, select, tablesample
from sqlalchemy.orm import Session, aliased

from luna_web.book.isbn import hyphenated
from luna_web.book.models import Book

Params = dict[str, Any]
SAMPLED = 3_000
_WORD = re.compile(r"[a-z]{4,}")
RARE = ("RESERVED", "CHECKED_OUT", "UNAVAILABLE")
"""What few titles are, by `load.STATUS_EVERY`."""
DEEP_PAGE, DEEP_PAGE_OF_A_SEARCH = 500, 50


@dataclass(frozen=True)
class Sample:
    """Some titles as the words that one would search for, and some ISBNs."""

    titles: list[list[str]]
    isbns: list[str]

    @classmethod
    def of(cls, session: Session) -> "Sample":
        count = session.scalar(select(func.count()).select_from(Book)) or 1
        share = literal(min(100.0, 100 * SAMPLED / count))
        some = aliased(Book, tablesample(Book, func.system(share), seed=literal(1)))
        rows = session.execute(select(some.title, some.isbn13).order_by(some.id)).all()
        titles = [words for title, _ in rows if len(words := _WORD.findall(title.lower())) >= 2]
        return cls(titles, [isbn for _, isbn in rows if isbn])

    @property
    def commonest(self) -> list[str]:
        return [word for word, _ in Counter(word for words in self.titles for word in words).most_common(20)]


class Questions:
    """Draws questions; the same seed draws the same."""

    def __init__(self, sample: Sample, seed: int = 1) -> None:
        self._sample = sample
        self._random = random.Random(seed)  # noqa: S311 - repeatable is what it must be

    def kinds(self) -> dict[str, Callable[[], Params]]:
        """What can be asked, by name."""
        return {
            "word": lambda: {"q": self._word()},
            "common word": lambda: {"q": self._common()},
            "two words": lambda: {"q": " ".join(self._random.sample(self._title(), 2))},
            "prefix": lambda: {"q": self._word()[: self._random.randint(4, 6)]},
            "ISBN": lambda: {"q": hyphenated(self._random.choice(self._sample.isbns))},
            "typo": lambda: {"q": self._typo()},
            "word, filtered, sorted": lambda: self._narrowed() | {"q": self._word()},
            "common word, filtered, sorted": lambda: self._narrowed() | {"q": self._common()},
            "word, rare status, sorted": lambda: {"q": self._word(), "status": self._rare_status(), "sort": "title"},
            "by status, sorted": lambda: {"status": self._status(), "sort": "title"},
            "deep page": lambda: {"sort": "title", "page": DEEP_PAGE, "limit": 20},
            "deep page of a search": lambda: {"q": self._common(), "page": DEEP_PAGE_OF_A_SEARCH, "limit": 20},
        }

    def draw(self, kind: Callable[[], Params], times: int) -> Iterator[Params]:
        """Different ones, as far as the kind has so many; page sizes differ, so that none is another's answer."""
        seen: set[str] = set()
        for number in range(times):
            params = {"limit": 20 - number % 10} | kind()
            for _ in range(10):
                if str(params) not in seen:
                    break
                params = {"limit": 20 - self._random.randrange(15)} | kind()
            seen.add(str(params))
            yield params

    def _title(self) -> list[str]:
        return self._random.choice(self._sample.titles)

    def _word(self) -> str:
        return self._random.choice(self._title())

    def _common(self) -> str:
        return self._random.choice(self._sample.commonest)

    def _typo(self) -> str:
        """A word with two neighbours swapped and a letter too many."""
        word = next(word for word in iter(self._word, "") if len(word) >= 7)
        place = self._random.randrange(2, len(word) - 2)
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :] + "q"

    def _narrowed(self) -> Params:
        year = self._random.randrange(1900, 2000)
        return {"status": "AVAILABLE", "year_from": year, "sort": "publication_year", "order": "desc"}

    def _status(self) -> str:
        return self._random.choice(["AVAILABLE", *RARE])

    def _rare_status(self) -> str:
        return self._random.choice(RARE)
