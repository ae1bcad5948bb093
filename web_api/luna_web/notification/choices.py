"""How somebody wants to be told: read and changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from luna_web.notification import repository
from luna_web.notification.domain import Channel, NotificationType
from luna_web.notification.preferences import Ways, defaults, effective, locked
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.principal import Principal


@dataclass(frozen=True, slots=True)
class WaysChange:
    """What to change; None stays as it is."""

    in_app: bool | None = None
    email: bool | None = None
    push: bool | None = None

    def applied(self, ways: Ways) -> Ways:
        given = {"in_app": self.in_app, "email": self.email, "push": self.push}
        return replace(ways, **{name: value for name, value in given.items() if value is not None})


def shown(session: Session, principal: Principal) -> Mapping[NotificationType, Ways]:
    """What holds for each type."""
    chosen = repository.choices(session, principal.user_id)
    return {type_: effective(principal.role, type_, chosen.get(type_)) for type_ in NotificationType}


def change(session: Session, principal: Principal, wanted: Mapping[NotificationType, WaysChange]) -> None:
    """Raises ValidationFailed for what cannot be switched off; then nothing is changed."""
    faults = {
        f"{type_}.{channel.lower()}": ["cannot be switched off"]
        for type_, one in wanted.items()
        for channel in sorted(locked(type_))
        if _switches_off(one, channel)
    }
    if faults:
        raise ValidationFailed(faults)
    if not wanted:
        return
    repository.lock_choices(session, principal.user_id)
    chosen = repository.choices(session, principal.user_id)
    preset = defaults(principal.role)
    changed = {type_: one.applied(chosen.get(type_) or preset[type_]) for type_, one in wanted.items()}
    repository.choose(session, principal.user_id, changed)


def _switches_off(one: WaysChange, channel: Channel) -> bool:
    return {Channel.IN_APP: one.in_app, Channel.EMAIL: one.email, Channel.PUSH: one.push}[channel] is False
