"""What clients send to and get from the auth service."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, StringConstraints

from luna_web.shared.fields import Input, Name, Output, Secret, storable
from luna_web.shared.principal import Role

# The local part is a dot-atom or looks like one: nothing in it can end an address and begin another (RFC 5322, 3.4).
# The domain is one of the DNS (RFC 1123, 2.1); an international one is written in its ASCII form (xn--…).
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = rf"^[^@\s\x00-\x1f\x7f,;:<>()\[\]\\\"]{{1,64}}@{_LABEL}(\.{_LABEL})*$"
_PHONE = r"^\+?[0-9 ()./-]{3,31}$"

Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=254, pattern=_EMAIL),
    AfterValidator(storable),
]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=_PHONE)]
NewPassword = Secret
TypedEmail = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(storable)]
"""What somebody types where an account is looked up: whether it can be an email is not told either."""


class RegisterIn(Input):
    email: Email
    password: NewPassword
    first_name: Name
    last_name: Name
    phone_number: Phone | None = None
    role: Role | None = None


class LoginIn(Input):
    """`device_token` of an earlier login here, for clients without cookies: failures elsewhere do not slow it down."""

    email: TypedEmail
    password: Secret
    device_token: Secret | None = None


class RefreshIn(Input):
    """Without `refresh_token` the cookie's is taken."""

    refresh_token: Secret | None = None


class LogoutIn(Input):
    refresh_token: Secret | None = None


class MailIn(Input):
    """`device_token` of an earlier login here, for clients without cookies: what others ask for does not hold it up."""

    email: TypedEmail
    device_token: Secret | None = None


class ResetPasswordIn(Input):
    token: Secret
    new_password: NewPassword


class VerifyEmailIn(Input):
    token: Secret


class ChangePasswordIn(Input):
    current_password: Secret
    new_password: NewPassword


class CreateUserIn(Input):
    """Without `password` the person gets a mail to choose one."""

    email: Email
    role: Role
    first_name: Name
    last_name: Name
    phone_number: Phone | None = None
    password: NewPassword | None = None


class UserChangeIn(Input):
    """What is absent stays as it is; `phone_number: null` takes it away."""

    first_name: Name | None = None
    last_name: Name | None = None
    phone_number: Phone | None = None
    role: Role | None = None
    is_active: bool | None = None


class ProfileIn(Input):
    """What is absent stays as it is; `phone_number: null` takes it away."""

    first_name: Name | None = None
    last_name: Name | None = None
    phone_number: Phone | None = None


class UserOut(Output):
    """`email_verified_at` null: no news are mailed to this address before its link is followed."""

    id: UUID
    email: str
    email_verified_at: datetime | None
    role: Role
    first_name: str
    last_name: str
    phone_number: str | None
    is_active: bool
    created_at: datetime


class ManagedUserOut(UserOut):
    """As administrators see it. `awaits_verification`: registered, and the email not yet verified."""

    awaits_verification: bool
    updated_at: datetime


class TokensOut(Output):
    """`expires_in` is in seconds and belongs to the access token. `refresh_token` is null where it is in the cookie."""

    access_token: str
    refresh_token: str | None
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind, not a secret
    expires_in: int


class LoggedInOut(TokensOut):
    """`device_token` is for the next login from here; it is in a cookie, too, and null here if that was asked for."""

    device_token: str | None
    user: UserOut


class WaitingOut(Output):
    """A mail is on its way to `email`; the link in it opens the account."""

    email: str
    verification: Literal["MAILED"] = "MAILED"


class ResetOut(Output):
    """`device_token` is for the next login from here."""

    device_token: str


class SessionOut(Output):
    """`current` is the one that asks. `device` is what the client said of itself."""

    id: UUID
    device: str | None
    last_address: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool


class EndedOut(Output):
    """How many sessions have ended."""

    sessions: int


class AuditLogOut(Output):
    """One thing that somebody did; `user_id` is null where nobody was logged in."""

    id: UUID
    at: datetime
    user_id: UUID | None
    role: str | None
    action: str
    resource_type: str
    resource_id: str | None
    changes: dict[str, Any]
    ip_address: str | None
    trace_id: str


class NothingOut(Output):
    """An empty object."""
