"""What a person must know to ask again."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CommandError(Exception):
    """The command cannot be done; the text says why, and what would be right."""


def near(word: str, known: Iterable[str], most: int = 3) -> str:
    """Which of the known names may be meant, as the end of a sentence; all of them where they are few."""
    names = sorted(known)
    if not names:
        return "; there are none"
    last = word.rpartition("/")[2]
    alike = difflib.get_close_matches(word, names, most, 0.5)
    alike += [name for name in names if last and name.endswith(f"/{last}")]
    if found := list(dict.fromkeys(alike))[:most]:
        return f"; near it: {', '.join(found)}"
    return f"; there are: {', '.join(names)}" if len(names) <= 12 else f"; there are {len(names)} others"
