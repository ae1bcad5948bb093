"""What the auth service refuses."""

from luna_web.shared.errors import ErrorCode, Forbidden, LunaError, NotFound, RateLimited, Unauthenticated


class InvalidCredentials(Unauthenticated):
    """One answer for a wrong password and for an account that does not exist."""

    code = ErrorCode.INVALID_CREDENTIALS
    default_message = "Email or password is wrong"


class AccountDisabled(Forbidden):
    """Told only to who knows the password."""

    code = ErrorCode.ACCOUNT_DISABLED
    default_message = "This account is disabled"


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
    """`problems` says what the password lacks."""

    code = ErrorCode.WEAK_PASSWORD
    status = 422

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("The password is too weak", details={"fields": {"password": list(problems)}})


class TooManyAttempts(RateLimited):
    code = ErrorCode.TOO_MANY_ATTEMPTS
    default_message = "Too many attempts; wait a while"


class RegistrationClosed(Forbidden):
    default_message = "Registration is closed; ask the library for an account"


class UserNotFound(NotFound):
    default_message = "There is no such user"
