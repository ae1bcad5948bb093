"""Browsers that their owners have subscribed to push messages."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.notification import repository
from luna_web.notification.errors import PushNotOffered, SubscribedByAnother
from luna_web.notification.models import PushSubscription
from luna_web.notification.push_endpoints import fault_of
from luna_web.shared.config import Settings
from luna_web.shared.errors import NotFound, ValidationFailed
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Principal

MOST_PER_USER = 10
"""One more ends the oldest."""


@dataclass(frozen=True, slots=True)
class Browser:
    """A subscription as a browser makes it: `p256dh` is its public key, `auth` its secret (RFC 8291, section 2)."""

    endpoint: str
    p256dh: bytes
    auth: bytes
    expires_at: datetime | None
    device: str | None


def of_user(session: Session, user_id: UUID) -> Sequence[PushSubscription]:
    """Newest first."""
    return repository.subscriptions_of(session, user_id)


def subscribe(session: Session, principal: Principal, browser: Browser, settings: Settings) -> PushSubscription:
    """Have this browser told; the same one again is the same subscription, in the session that asks now.

    A browser has one user: it changes hands if whoever asks shows both of its keys.
    Raises PushNotOffered, ValidationFailed, SubscribedByAnother.
    """
    key = settings.vapid_key()
    if key is None:
        raise PushNotOffered()
    if fault := fault_of(browser.endpoint, settings.push_services):
        raise ValidationFailed({"endpoint": [fault]})
    repository.lock_subscriptions(session, principal.user_id)
    row = _row(principal, browser, key.public)
    made = repository.add_subscription(session, row)
    if made is None:
        made = _taken_over(session, principal, browser, row)
    _trim(session, principal.user_id, made.id)
    return made


def unsubscribe(session: Session, user_id: UUID, endpoint: str | None) -> int:
    """End one's own subscription at an endpoint, or all of one's own; how many that were."""
    return repository.delete_subscriptions(session, user_id, _hash(endpoint) if endpoint is not None else None)


def unsubscribe_one(session: Session, user_id: UUID, subscription_id: UUID) -> None:
    """Raises NotFound, also for another's."""
    found = repository.subscription(session, subscription_id)
    if found is None or found.user_id != user_id:
        raise NotFound("There is no such subscription")
    repository.drop_subscription(session, subscription_id)


def _taken_over(
    session: Session, principal: Principal, browser: Browser, row: dict[str, Any]
) -> PushSubscription:
    found = repository.subscription_at(session, row["endpoint_hash"])
    if found is None:
        # It went away between the two statements.
        return repository.add_subscription(session, row) or _gone()
    own = found.user_id == principal.user_id
    if not own and (found.p256dh, found.auth) != (browser.p256dh, browser.auth):
        raise SubscribedByAnother()
    for name in ("user_id", "session_id", "p256dh", "auth", "server_key", "device", "expires_at"):
        setattr(found, name, row[name])
    session.flush()
    return found


def _gone() -> PushSubscription:
    raise SubscribedByAnother()


def _trim(session: Session, user_id: UUID, kept: UUID) -> None:
    others = [one for one in repository.subscriptions_of(session, user_id) if one.id != kept]
    for one in others[MOST_PER_USER - 1 :]:
        repository.drop_subscription(session, one.id)


def _row(principal: Principal, browser: Browser, server_key: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "user_id": principal.user_id,
        "session_id": principal.session_id,
        "endpoint": browser.endpoint,
        "endpoint_hash": _hash(browser.endpoint),
        "p256dh": browser.p256dh,
        "auth": browser.auth,
        "server_key": server_key,
        "device": browser.device,
        "expires_at": browser.expires_at,
    }


def _hash(endpoint: str) -> bytes:
    return hashlib.sha256(endpoint.encode()).digest()
