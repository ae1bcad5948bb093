"""Tables of accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, func
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from luna_web.shared.database import Base
from luna_web.shared.models import Timestamps, UuidKey, Versioned


class User(UuidKey, Timestamps, Versioned, Base):
    """A person. `email` is unique whatever its case, and kept as it was given.

    `awaits_verification`: registered where mails must be verified, and not verified yet.
    """

    __tablename__ = "users"

    email: Mapped[str]
    email_verified_at: Mapped[datetime | None]
    password_hash: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    phone_number: Mapped[str | None]
    role: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    awaits_verification: Mapped[bool] = mapped_column(default=False)


class UserSession(UuidKey, Base):
    """A login, and the family of refresh tokens that follow one another in it. Tokens are kept as hashes."""

    __tablename__ = "sessions"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    refresh_hash: Mapped[bytes]
    previous_hash: Mapped[bytes | None]
    rotated_at: Mapped[datetime | None]
    device: Mapped[str | None]
    last_address: Mapped[str | None] = mapped_column(INET)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_why: Mapped[str | None]


class MailedToken(UuidKey):
    """A token that went out by mail, as a hash; good once, until `expires_at`. `id` is that of the event it answers.

    `by_owner`: asked for from a device that had logged in to the account, or by an administrator; else by anybody.
    """

    token_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    by_owner: Mapped[bool] = mapped_column(default=False)


class PasswordReset(MailedToken, Base):
    __tablename__ = "password_resets"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class EmailVerification(MailedToken, Base):
    """`registration` tells which registration it verifies: one that came later under the same email is another."""

    __tablename__ = "email_verifications"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    registration: Mapped[str]
