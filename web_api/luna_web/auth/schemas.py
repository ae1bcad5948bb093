"""What clients send to and get from the auth service."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, StringConstraints

from luna_web.shared.fields import Input, Name, Output, Secret, storable
from luna_web.shared.principal import Role

_EMAIL = r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*$"
_PHONE = r"^\+?[0-9 ()./-]{3,31}$"

Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=254, pattern=_EMAIL),
    AfterValidator(storable),
]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=_PHONE)]
NewPassword = Secret


class RegisterIn(Input):
    email: Email
    password: NewPassword
    first_name: Name
    last_name: Name
    phone_number: Phone | None = None
    role: Role | None = None


class LoginIn(Input):
    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(storable)]
    password: Secret


class RefreshIn(Input):
    refresh_token: Secret


class LogoutIn(Input):
    refresh_token: Secret | None = None


class ProfileIn(Input):
    """What is absent stays as it is; `phone_number: null` takes it away."""

    first_name: Name | None = None
    last_name: Name | None = None
    phone_number: Phone | None = None


class UserOut(Output):
    id: UUID
    email: str
    role: Role
    first_name: str
    last_name: str
    phone_number: str | None
    is_active: bool
    created_at: datetime


class TokensOut(Output):
    """`expires_in` is in seconds and belongs to the access token."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind, not a secret
    expires_in: int


class LoggedInOut(TokensOut):
    user: UserOut


class NothingOut(Output):
    """An empty object."""
