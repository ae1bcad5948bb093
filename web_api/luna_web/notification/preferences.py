"""Which way each kind of notification takes to a person: what they chose, what holds until they do, what stays on."""

from collections.abc import Mapping
from dataclasses import dataclass

from luna_web.notification.domain import Channel, NotificationType
from luna_web.shared.principal import STAFF_ROLES, Role

ALWAYS_ON: Mapping[NotificationType, frozenset[Channel]] = {
    NotificationType.ROBOT_ALERT: frozenset({Channel.IN_APP}),
    NotificationType.SYSTEM_ALERT: frozenset({Channel.IN_APP}),
    NotificationType.LOAN_DUE: frozenset({Channel.IN_APP}),
}
"""What nobody can switch off: that a robot needs a person, what befell the library's things, what a reader owes. It
stands in the list of notifications at least; whether it also disturbs is everybody's own choice."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Which channels are on."""

    in_app: bool
    email: bool
    push: bool

    def has(self, channel: Channel) -> bool:
        return {Channel.IN_APP: self.in_app, Channel.EMAIL: self.email, Channel.PUSH: self.push}[channel]


QUIET = Ways(in_app=True, email=False, push=False)
PROMPT = Ways(in_app=True, email=False, push=True)
"""A push reaches devices that their owner has subscribed, and no other."""
WRITTEN = Ways(in_app=True, email=True, push=True)

_READERS: Mapping[NotificationType, Ways] = {
    NotificationType.DELIVERY_UPDATE: PROMPT,
    NotificationType.REQUEST_STATUS: WRITTEN,
    NotificationType.RETURN_STATUS: PROMPT,
    NotificationType.ROBOT_ALERT: PROMPT,
    NotificationType.SYSTEM_ALERT: QUIET,
    NotificationType.LOAN_DUE: WRITTEN,
}
# Staff see every request: a mail for each would drown the others.
_STAFF: Mapping[NotificationType, Ways] = {**_READERS, NotificationType.REQUEST_STATUS: PROMPT}


def defaults(role: Role) -> Mapping[NotificationType, Ways]:
    """What holds for somebody of that role who has chosen nothing."""
    return _STAFF if role in STAFF_ROLES else _READERS


def locked(type_: NotificationType) -> frozenset[Channel]:
    """The channels of a type that stay on."""
    return ALWAYS_ON.get(type_, frozenset())


def effective(role: Role, type_: NotificationType, chosen: Ways | None) -> Ways:
    """What holds: the choice if there is one, and what stays on in any case."""
    ways, on = chosen or defaults(role)[type_], locked(type_)
    return Ways(
        in_app=ways.in_app or Channel.IN_APP in on,
        email=ways.email or Channel.EMAIL in on,
        push=ways.push or Channel.PUSH in on,
    )
