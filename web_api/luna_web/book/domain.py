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


COPY_TRANSITIONS: tuple[tuple[CopyStatus, CopyStatus, str], ...] = (
    (CopyStatus.AVAILABLE, CopyStatus.RESERVED, "requested, or offered to whoever waits"),
    (CopyStatus.AVAILABLE, CopyStatus.ON_ROBOT, "loaded although it was kept for nobody"),
    (CopyStatus.AVAILABLE, CopyStatus.CHECKED_OUT, "lent at the desk"),
    (CopyStatus.AVAILABLE, CopyStatus.UNAVAILABLE, "taken out of circulation"),
    (CopyStatus.RESERVED, CopyStatus.AVAILABLE, "request or offer ended"),
    (CopyStatus.RESERVED, CopyStatus.ON_ROBOT, "loaded for the reader"),
    (CopyStatus.RESERVED, CopyStatus.CHECKED_OUT, "lent at the desk, or found with its reader"),
    (CopyStatus.RESERVED, CopyStatus.UNAVAILABLE, "damaged, or lost"),
    (CopyStatus.ON_ROBOT, CopyStatus.AVAILABLE, "brought back, or returned"),
    (CopyStatus.ON_ROBOT, CopyStatus.RESERVED, "brought back, the request goes on"),
    (CopyStatus.ON_ROBOT, CopyStatus.CHECKED_OUT, "received, or a return failed"),
    (CopyStatus.ON_ROBOT, CopyStatus.UNAVAILABLE, "missing, or at a workstation"),
    (CopyStatus.CHECKED_OUT, CopyStatus.AVAILABLE, "checked in"),
    (CopyStatus.CHECKED_OUT, CopyStatus.RESERVED, "checked in while a robot comes for it"),
    (CopyStatus.CHECKED_OUT, CopyStatus.ON_ROBOT, "loaded for the library"),
    (CopyStatus.CHECKED_OUT, CopyStatus.UNAVAILABLE, "lost, or checked in damaged"),
    (CopyStatus.UNAVAILABLE, CopyStatus.AVAILABLE, "found, or mended"),
    (CopyStatus.UNAVAILABLE, CopyStatus.RESERVED, "found, and its request goes on"),
    (CopyStatus.UNAVAILABLE, CopyStatus.ON_ROBOT, "loaded by staff, or by a reader who had it after all"),
    (CopyStatus.UNAVAILABLE, CopyStatus.CHECKED_OUT, "found with its reader"),
)
"""Which status may follow which, and when it does. Another reason of UNAVAILABLE is no transition."""

TRANSITIONS: dict[CopyStatus, frozenset[CopyStatus]] = {
    status: frozenset(target for source, target, _ in COPY_TRANSITIONS if source is status) for status in CopyStatus
}

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


def book_status(copies: Collection[CopyStatus]) -> BookStatus:
    """The status of a title whose copies have these."""
    present = frozenset(copies)
    for status, given_by in COPY_STATUSES_OF.items():
        if present & given_by:
            return status
    return BookStatus.UNAVAILABLE


def allowed_from(status: CopyStatus) -> tuple[str, ...]:
    return tuple(sorted(TRANSITIONS[status]))
