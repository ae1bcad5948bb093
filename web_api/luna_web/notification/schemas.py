"""What crosses HTTP."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import AfterValidator, Field

from luna_web.notification.choices import WaysChange
from luna_web.notification.domain import Channel, NotificationType
from luna_web.notification.models import PushSubscription
from luna_web.notification.preferences import Ways, locked
from luna_web.notification.push_endpoints import LONGEST, host_of
from luna_web.notification.subscriptions import Browser
from luna_web.shared.fields import Input, Output, storable

LAST_MOMENT_MS = 253_402_300_799_000
"""The end of the year 9999."""


class NotificationOut(Output):
    id: UUID
    notification_type: NotificationType
    title: str
    message: str
    payload: dict[str, Any]
    is_read: bool
    read_at: datetime | None
    created_at: datetime


class ReadAll(Output):
    """How many were unread before."""

    marked: int


class Empty(Input):
    """No fields."""


class WaysIn(Input):
    """What is not named stays as it is."""

    in_app: bool | None = None
    email: bool | None = None
    push: bool | None = None


class PreferencesIn(Input):
    """By type; what is not named stays as it is."""

    preferences: dict[NotificationType, WaysIn]

    def changes(self) -> Mapping[NotificationType, WaysChange]:
        return {type_: WaysChange(one.in_app, one.email, one.push) for type_, one in self.preferences.items()}


class WaysOut(Output):
    in_app: bool
    email: bool
    push: bool
    always_on: list[Channel] = Field(description="Channels that cannot be switched off")


class PreferencesOut(Output):
    """What holds, by type."""

    preferences: dict[NotificationType, WaysOut]


def preferences_out(ways: Mapping[NotificationType, Ways]) -> PreferencesOut:
    shown = {
        type_: WaysOut(in_app=one.in_app, email=one.email, push=one.push, always_on=sorted(locked(type_)))
        for type_, one in ways.items()
    }
    return PreferencesOut(preferences=shown)


def _base64url(value: str, size: int) -> bytes:
    """Browsers leave the padding out; some libraries do not."""
    try:
        raw = base64.b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("must be URL-safe base64") from None
    if len(raw) != size:
        raise ValueError(f"must have {size} bytes, not {len(raw)}")
    return raw


def _is_point(value: str) -> str:
    raw = _base64url(value, 65)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError:
        raise ValueError("must be an uncompressed point of the curve P-256") from None
    return value


def _is_secret(value: str) -> str:
    _base64url(value, 16)
    return value


class SubscriptionKeys(Input):
    p256dh: Annotated[str, Field(max_length=100), AfterValidator(_is_point)]
    auth: Annotated[str, Field(max_length=50), AfterValidator(_is_secret)]


Endpoint = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(storable)]


class SubscriptionIn(Input):
    """As `PushSubscription.toJSON()` gives it."""

    endpoint: Endpoint
    expirationTime: Annotated[  # noqa: N815 - the browsers' own name
        float | None, Field(ge=0, le=LAST_MOMENT_MS, description="Milliseconds since 1970")
    ] = None
    keys: SubscriptionKeys

    def browser(self, device: str | None) -> Browser:
        moment = self.expirationTime
        return Browser(
            endpoint=self.endpoint,
            p256dh=_base64url(self.keys.p256dh, 65),
            auth=_base64url(self.keys.auth, 16),
            expires_at=datetime.fromtimestamp(moment / 1000, UTC) if moment is not None else None,
            device=device,
        )


class EndpointIn(Input):
    endpoint: Endpoint


class SubscriptionOut(Output):
    """Without the endpoint: whoever knows it may send to it."""

    id: UUID
    service: str = Field(description="The push service's name")
    device: str | None
    expires_at: datetime | None
    last_success_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: PushSubscription) -> "SubscriptionOut":
        return cls(
            id=row.id,
            service=host_of(row.endpoint),
            device=row.device,
            expires_at=row.expires_at,
            last_success_at=row.last_success_at,
            created_at=row.created_at,
        )


class PushOut(Output):
    application_server_key: str | None
    subscriptions: list[SubscriptionOut]


class Unsubscribed(Output):
    """How many subscriptions ended."""

    ended: int
