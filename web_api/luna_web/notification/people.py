"""Who can be told, as whoever knows people tells this service."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.shared.principal import Role


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose account is active. `email` is None unless they have shown that it is theirs."""

    id: UUID
    role: Role
    email: str | None = None


class Directory(Protocol):
    def staff(self, session: Session) -> Sequence[Person]:
        """Every active librarian and administrator."""
        ...

    def people(self, session: Session, ids: Collection[UUID]) -> Sequence[Person]:
        """Those of these who are active."""
        ...

    def living_sessions(self, session: Session, ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of these sessions that nobody has ended. One that ran out by itself lives on."""
        ...
