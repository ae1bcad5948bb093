"""What a reader typed, as a question to the full-text index. Pure.

The index holds words as the database's `luna_text` makes them: small letters and digits, no accents, each character of
an unspaced script by itself. A question goes through it, too: `Typed.to_fold` gives what the database is to fold,
`Typed.folded` takes what came back.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from luna_web.book.isbn import parse_isbn

T = TypeVar("T")
MAX_WORDS = 16
LONGEST_WORD = 250
"""`to_tsquery` refuses more than 2,046 bytes; some characters fold to eighteen."""
PREFIX_FROM = 3
"""A last word of so many letters may be unfinished. Shorter ones begin too many others: one letter, half a catalog."""
_JOINERS = "'\u2019\u2018\u02bc\u02bb\u0060\u00b4\u2010\u2011\u05be\u05f3-"
_JOINED = re.compile(rf"(?<=[^\W_])[{_JOINERS}](?=[^\W_])")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word as typed, and what it is in the index: its `parts`, and the word without apostrophes and hyphens."""

    typed: str
    isbn13: str | None = None
    parts: tuple[str, ...] = ()
    joined: str | None = None

    @property
    def to_fold(self) -> tuple[str, str]:
        bare = _JOINED.sub("", self.typed)
        return self.typed, bare if bare != self.typed else ""

    def folded(self, parts: str, joined: str) -> Self:
        if self.isbn13:
            return replace(self, parts=(self.isbn13,))
        words = tuple(part[:LONGEST_WORD] for part in parts.split())
        return replace(self, parts=words, joined=joined[:LONGEST_WORD] if joined and " " not in joined else None)

    @property
    def single(self) -> str | None:
        """The word as the one that it is in the index; None if it is an ISBN or several."""
        if self.isbn13:
            return None
        return self.joined or (self.parts[0] if len(self.parts) == 1 else None)

    def query(self, weight: str, *, unfinished: bool) -> str:
        """This word for `to_tsquery`. `unfinished`: it may be the beginning of a longer one."""
        if not self.parts:
            return ""
        steps = [_operand(part, weight, unfinished and last) for part, last in _with_last(self.parts)]
        asked = steps[0]
        for step, before, part in zip(steps[1:], self.parts, self.parts[1:], strict=False):
            asked += (" <-> " if _is_unspaced(before) and _is_unspaced(part) else " & ") + step
        if self.joined:
            asked = f"({asked}) | {_operand(self.joined, weight, unfinished)}"
        return f"({asked})" if len(steps) > 1 or self.joined else asked


@dataclass(frozen=True, slots=True)
class Typed:
    """A search as typed: its words, the first sixteen."""

    words: tuple[Word, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """An ISBN in any spelling is one word, whether it is all that was typed or one of several."""
        whole = parse_isbn(text)
        if whole:
            return cls((Word(text.strip(), whole),))
        typed = unicodedata.normalize("NFC", text).split()[:MAX_WORDS]
        return cls(tuple(Word(word, parse_isbn(word)) for word in typed))

    @property
    def to_fold(self) -> list[str]:
        """What `luna_text` is to make of, two texts a word."""
        return [text for word in self.words for text in word.to_fold]

    def folded(self, texts: Sequence[str]) -> Self:
        """With what `luna_text` made of `to_fold`."""
        pairs = zip(self.words, texts[::2], texts[1::2], strict=True)
        return replace(self, words=tuple(word.folded(parts, joined) for word, parts, joined in pairs))

    def query(self, weight: str = "", *, finished: bool = False) -> str:
        """All words for `to_tsquery`, the last perhaps unfinished; "" if there is nothing to look for."""
        words = [word for word in self.words if word.parts]
        asked = [word.query(weight, unfinished=last and not finished) for word, last in _with_last(words)]
        return " & ".join(asked)

    @property
    def plain(self) -> str:
        """The words in one line, as titles are sorted by."""
        return " ".join(part for word in self.words for part in word.parts)

    def corrected(self, correct: Callable[[str], str | None]) -> Self | None:
        """With each word of one part exchanged for what `correct` gives for it; None if it gave none for any."""
        words = tuple(self._corrected(word, correct) for word in self.words)
        return replace(self, words=words) if words != self.words else None

    @staticmethod
    def _corrected(word: Word, correct: Callable[[str], str | None]) -> Word:
        better = correct(word.single) if word.single else None
        return Word(better, parts=(better,)) if better else word

    @property
    def single(self) -> frozenset[str]:
        """Those words that are one in the index, which alone can be mistyped ones."""
        return frozenset(word.single for word in self.words if word.single)

    @property
    def text(self) -> str:
        """As one would type it."""
        return " ".join(word.typed for word in self.words)


def _with_last(items: Sequence[T]) -> list[tuple[T, bool]]:
    return [(item, number == len(items)) for number, item in enumerate(items, start=1)]


def _operand(part: str, weight: str, unfinished: bool) -> str:
    quoted = "'" + part.replace("\\", "\\\\").replace("'", "''") + "'"
    star = "*" if unfinished and letters(part) >= PREFIX_FROM else ""
    return f"{quoted}:{star}{weight}" if star or weight else quoted


def letters(part: str) -> int:
    """How many letters a word has; a syllable of Hangul is made of two or three."""
    return sum(2 if "\uac00" <= char <= "\ud7a3" else 1 for char in part)


def _is_unspaced(part: str) -> bool:
    return bool(_UNSPACED.match(part))
