"""What the auth service asks of others, in plain values. `luna_web.main` wires who answers."""

from typing import Protocol

from sqlalchemy.orm import Session

from luna_web.auth.service import UserView
from luna_web.shared.audit import RequestMeta
from luna_web.shared.library_settings import Desks
from luna_web.shared.principal import Principal
from luna_web.shared.runtime import Port


class Departures(Protocol):
    """What must be settled before somebody goes."""

    def settle(self, session: Session, leaving: UserView, by: Principal, meta: RequestMeta) -> None:
        """End what of theirs can end, in this transaction. Raises UserInUse while something is under way."""
        ...


class Floor(Protocol):
    """Where robots can be sent."""

    def check_desks(self, session: Session, before: Desks, after: Desks) -> None:
        """Raises ValidationFailed for a changed desk that is no place where staff hand things over."""
        ...


DEPARTURES: Port[Departures] = Port("departures of users")
FLOOR: Port[Floor] = Port("places of the floor")
