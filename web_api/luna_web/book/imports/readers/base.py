"""What every reader is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from luna_web.book.imports.domain import Described, Detected, Problem, Rejected, Severity
from luna_web.book.imports.tabular import Columns


@dataclass(frozen=True, slots=True)
class Item:
    """One record as it lies in the file, not yet understood; `content` may be why it cannot be."""

    number: int
    line: int | None
    content: Any


class Reader(Protocol):
    """Gives the same items each time a file is opened: that is what resuming counts on.

    Opening and `items` raise FileFault when the file cannot be read any further.
    """

    detected: Detected
    problems: Sequence[Problem]

    def items(self) -> Iterator[Item]: ...

    def describe(self, content: Any) -> Described:
        """What an item's content says. Raises Rejected."""
        ...

    def progress(self) -> float:
        """How much of the file is read, 0…1."""
        ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """In place of a record's content: why it cannot be read."""

    field: str | None
    reason: str
    value: str | None = None

    def reject(self) -> Rejected:
        return Rejected(self.field, self.reason, self.value)


def unknown_columns(columns: Columns) -> list[Problem]:
    reason = "no field is called so; this column was left out"
    return [Problem(Severity.WARNING, reason, field=name[:100] or "(no name)") for name in columns.unknown if name]
