"""What the auth service refuses."""

from collections.abc import Sequence

from luna_web.shared.errors import ErrorCode, Forbidden, LunaError, NotFound, RateLimited, Unauthenticated


class InvalidCredentials(Unauthenticated):
    """One answer for a wrong password and for an account that does not exist."""

    code = ErrorCode.INVALID_CREDENTIALS
    default_message = "Email or password is wrong"


class AccountDisabled(Forbidden):
    """Told only to who knows the password."""

    code = ErrorCode.ACCOUNT_DISABLED
    default_message = "This account is disabled"


class EmailUnverified(Forbidden):
    """Told only to who knows the password."""

    code = ErrorCode.EMAIL_UNVERIFIED
    default_message = "Follow the link in the mail that we sent you first, or have it sent again"


class RefreshTokenInvalid(Unauthenticated):
    default_message = "The refresh token is not valid"


class RefreshTokenReused(Unauthenticated):
    """A used refresh token came again: somebody else may have it, so the session ended."""

    code = ErrorCode.TOKEN_REUSED
    default_message = "This refresh token was used before; log in again"


class EmailTaken(LunaError):
    code = ErrorCode.EMAIL_TAKEN
    status = 409
    default_message = "There is an account with this email already"


class WeakPassword(LunaError):
    """`problems` says what the password lacks; `field` is where it came in."""

    code = ErrorCode.WEAK_PASSWORD
    status = 422

    def __init__(self, problems: tuple[str, ...], field: str = "password") -> None:
        super().__init__("The password is too weak", details={"fields": {field: list(problems)}})


class TooManyAttempts(RateLimited):
    code = ErrorCode.TOO_MANY_ATTEMPTS
    default_message = "Too many attempts; wait a while"


class RegistrationClosed(Forbidden):
    default_message = "Registration is closed; ask the library for an account"


class UserNotFound(NotFound):
    default_message = "There is no such user"


class DomainNotAdmitted(Forbidden):
    """`domains` are those whose addresses may register."""

    def __init__(self, domains: Sequence[str]) -> None:
        super().__init__(f"Registration is for addresses of {', '.join(domains)}", details={"domains": list(domains)})


class WrongPassword(Unauthenticated):
    """The current password, asked for again, was not right."""

    code = ErrorCode.INVALID_CREDENTIALS
    default_message = "The current password is wrong"


class ResetTokenInvalid(LunaError):
    """One answer for a token that never was, was used, or is too old."""

    code = ErrorCode.RESET_TOKEN_INVALID
    status = 422
    default_message = "This link has been used or has expired; ask for a new one"


class VerificationTokenInvalid(LunaError):
    code = ErrorCode.VERIFICATION_TOKEN_INVALID
    status = 422
    default_message = "This link has been used or has expired; have the mail sent again"


class ForeignOrigin(Forbidden):
    """A cookie alone proves nothing: another site can have the browser send it."""

    default_message = "With the cookie come our own Origin and the header X-Requested-With"


class SessionNotFound(NotFound):
    default_message = "You have no such session"


class LastAdmin(LunaError):
    code = ErrorCode.LAST_ADMIN
    status = 409
    default_message = "This is the last active administrator; make another one first"


class UserInUse(LunaError):
    """Something of theirs is under way, so that they cannot go now. `details` says what."""

    code = ErrorCode.USER_IN_USE
    status = 409
    default_message = "A delivery of this person is under way; end it first"
