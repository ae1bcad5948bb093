"""What a copy can be, and what follows for its title."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class CopyStatus(StrEnum):
    AVAILABLE = "AVAILABLE"
    RESERVED = "RESERVED"
    ON_ROBOT = "ON_ROBOT"
    CHECKED_OUT = "CHECKED_OUT"
    UNAVAILABLE = "UNAVAILABLE"


class StatusReason(StrEnum):
    """Why a copy is UNAVAILABLE."""

    LOST = "LOST"
    MISSING = "MISSING"
    DAMAGED = "DAMAGED"
    IN_PROCESS = "IN_PROCESS"
    WITHDRAWN = "WITHDRAWN"


class BookStatus(StrEnum):
    """The status of a title: the best that one of its copies has to offer."""

    AVAILABLE = "AVAILABLE"
    RESERVED = "RESERVED"
    CHECKED_OUT = "CHECKED_OUT"
    UNAVAILABLE = "UNAVAILABLE"


TRANSITIONS: dict[CopyStatus, frozenset[CopyStatus]] = {
    CopyStatus.AVAILABLE: frozenset(
        {CopyStatus.RESERVED, CopyStatus.ON_ROBOT, CopyStatus.CHECKED_OUT, CopyStatus.UNAVAILABLE}
    ),
    CopyStatus.RESERVED: frozenset(
        {CopyStatus.AVAILABLE, CopyStatus.ON_ROBOT, CopyStatus.CHECKED_OUT, CopyStatus.UNAVAILABLE}
    ),
    CopyStatus.ON_ROBOT: frozenset(
        {CopyStatus.AVAILABLE, CopyStatus.RESERVED, CopyStatus.CHECKED_OUT, CopyStatus.UNAVAILABLE}
    ),
    CopyStatus.CHECKED_OUT: frozenset(
        {CopyStatus.AVAILABLE, CopyStatus.RESERVED, CopyStatus.ON_ROBOT, CopyStatus.UNAVAILABLE}
    ),
    CopyStatus.UNAVAILABLE: frozenset(
        {CopyStatus.AVAILABLE, CopyStatus.RESERVED, CopyStatus.ON_ROBOT, CopyStatus.CHECKED_OUT}
    ),
}
"""Which status may follow which."""

IN_USE = frozenset({CopyStatus.RESERVED, CopyStatus.ON_ROBOT, CopyStatus.CHECKED_OUT})
"""A copy that a reader, a request or a robot has: loans and deliveries move it, nobody by hand."""

BY_HAND: dict[CopyStatus, frozenset[CopyStatus]] = {
    CopyStatus.AVAILABLE: frozenset({CopyStatus.UNAVAILABLE}),
    CopyStatus.UNAVAILABLE: frozenset({CopyStatus.AVAILABLE, CopyStatus.UNAVAILABLE}),
}
"""Which status a librarian may give a copy that is not in use; another reason is another UNAVAILABLE."""

COPY_STATUSES_OF: dict[BookStatus, frozenset[CopyStatus]] = {
    BookStatus.AVAILABLE: frozenset({CopyStatus.AVAILABLE}),
    BookStatus.RESERVED: frozenset({CopyStatus.RESERVED, CopyStatus.ON_ROBOT}),
    BookStatus.CHECKED_OUT: frozenset({CopyStatus.CHECKED_OUT}),
}
"""Which copies give their title a status, the best first; without any of them it is UNAVAILABLE."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the living copies of a title come to. `shelf_location` is that of the first available one."""

    total: int
    available: int
    statuses: frozenset[CopyStatus]
    shelf_location: str | None

    @property
    def status(self) -> BookStatus:
        return book_status(self.statuses)


NO_COPIES = Holdings(0, 0, frozenset(), None)


def book_status(copies: Collection[CopyStatus]) -> BookStatus:
    """The status of a title whose copies have these."""
    present = frozenset(copies)
    for status, given_by in COPY_STATUSES_OF.items():
        if present & given_by:
            return status
    return BookStatus.UNAVAILABLE


def allowed_from(status: CopyStatus) -> tuple[str, ...]:
    return tuple(sorted(TRANSITIONS[status]))
