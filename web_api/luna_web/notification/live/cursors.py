"""A place in a channel's events: `<run>:<number>`. Pure."""

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"([0-9a-zA-Z]{1,64}):([0-9]{1,16})")


class BadCursor(ValueError):
    """It was not given by this channel."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """`run` is the run of Redis that gave the number; after its loss no older cursor fits."""

    run: str
    number: int

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises BadCursor."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise BadCursor("a cursor looks like <run>:<number>")
        return cls(found[1], int(found[2]))

    def __str__(self) -> str:
        return f"{self.run}:{self.number}"
