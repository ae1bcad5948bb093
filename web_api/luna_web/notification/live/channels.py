"""The channels: how they are named, who may ask for which, and under which topic their events are kept. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from luna_web.shared.principal import STAFF_ROLES, Principal, Role


class Kind(StrEnum):
    """The word before the colon."""

    ME = "me"
    DELIVERY = "delivery"
    ROBOT = "robot"
    ROBOTS = "robots"
    QUEUE = "queue"
    CATALOG = "catalog"


ROLES: dict[Kind, frozenset[Role]] = {
    Kind.ME: frozenset(Role),
    Kind.DELIVERY: frozenset(Role),  # readers: of their own delivery only, which the snapshot's source decides
    Kind.ROBOT: STAFF_ROLES,
    Kind.ROBOTS: STAFF_ROLES,
    Kind.QUEUE: STAFF_ROLES,
    Kind.CATALOG: frozenset(Role),
}
OF_ONE_THING = frozenset({Kind.DELIVERY, Kind.ROBOT})
LONGEST_NAME = 64


class UnknownChannel(ValueError):
    """No channel has this name."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as clients name it; `subject` is the id after the colon."""

    kind: Kind
    subject: UUID | None = None

    @classmethod
    def named(cls, name: str) -> "Channel":
        """Raises UnknownChannel, which says what would be right. Ids may be in capitals; `name` has them in small."""
        word, colon, subject = name.partition(":")
        try:
            kind = Kind(word)
            channel = cls(kind, UUID(subject) if colon else None)
        except ValueError:
            raise UnknownChannel(_known()) from None
        if channel.name != name.lower() or (channel.subject is not None) is not (kind in OF_ONE_THING):
            raise UnknownChannel(_known())
        return channel

    @property
    def name(self) -> str:
        return self.kind.value if self.subject is None else f"{self.kind.value}:{self.subject}"

    def topic(self, user_id: UUID) -> str:
        """The topic that this channel is for this user: `me` is another one for everybody."""
        return topic_of(self.kind, user_id if self.kind is Kind.ME else self.subject)

    def open_to(self, principal: Principal) -> bool:
        """Whether this role may ask for it at all."""
        return principal.role in ROLES[self.kind]


def topic_of(kind: Kind, subject: UUID | str | None = None) -> str:
    """Where a channel's events are kept, for all who may see them."""
    return kind.value if subject is None else f"{kind.value}:{subject}"


def _known() -> str:
    return "channels are " + ", ".join(f"{k.value}:<id>" if k in OF_ONE_THING else k.value for k in Kind)
