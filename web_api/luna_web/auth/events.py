"""What the auth service has others do: send mails. No token is ever in an event."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from luna_web.shared.ids import new_id
from luna_web.shared.outbox import record_event

SOURCE = "auth-service"
MAIL_EVENTS = "auth.mail."
MAIL_AGGREGATES = "mail:"
"""Each mail is an aggregate of its own, of one event."""


class MailKind(StrEnum):
    """Why a mail is wanted. Each is an event `auth.mail.<kind>`."""

    REGISTERED = "registered"
    VERIFICATION = "verification"
    RESET = "reset"
    INVITATION = "invitation"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105


class MailWanted(BaseModel):
    """What a mail is made from: who, by email as somebody typed it (perhaps nobody's) or by id; which registration.

    `device_of`: the account that the device which asks has logged in to before, perhaps another.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    email: str | None = None
    user_id: UUID | None = None
    registration: str | None = None
    device_of: UUID | None = None


def ask_for_mail(
    session: Session,
    kind: MailKind,
    *,
    email: str | None = None,
    user_id: UUID | None = None,
    registration: str | None = None,
    device_of: UUID | None = None,
) -> None:
    """Have the worker send a mail. Each is an aggregate of its own, so that none waits for another."""
    wanted = MailWanted(email=email, user_id=user_id, registration=registration, device_of=device_of)
    record_event(
        session,
        type=f"{MAIL_EVENTS}{kind}",
        source=SOURCE,
        aggregate=f"{MAIL_AGGREGATES}{new_id()}",
        aggregate_seq=1,
        payload=wanted.model_dump(mode="json", exclude_none=True),
    )
