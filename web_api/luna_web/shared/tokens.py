"""Access tokens: JSON Web Tokens whose algorithm, issuer, audience and claims are pinned (RFC 8725)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import jwt
from jwt.types import Options

from luna_web.shared.errors import TokenExpired, Unauthenticated
from luna_web.shared.principal import Principal, Role

ALGORITHM = "HS256"
ISSUER = "luna-auth"
AUDIENCE = "luna-api"
TYPE_ACCESS = "access"
CLAIMS = ("sub", "email", "role", "iat", "nbf", "exp", "jti", "sid", "iss", "aud", "typ")
LEEWAY = timedelta(seconds=5)
_OPTIONS: Options = {"require": list(CLAIMS), "verify_exp": False, "verify_nbf": False, "verify_iat": False}


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    principal: Principal
    expires_at: datetime


class AccessTokens:
    """Issues and verifies access tokens of `lifetime` seconds, signed with one secret."""

    def __init__(self, secret: str, lifetime: int) -> None:
        self._secret = secret
        self.lifetime = lifetime

    def issue(self, principal: Principal, now: datetime) -> str:
        moment = int(now.timestamp())
        claims = {
            "sub": str(principal.user_id),
            "email": principal.email,
            "role": principal.role.value,
            "sid": str(principal.session_id),
            "iat": moment,
            "nbf": moment,
            "exp": moment + self.lifetime,
            "jti": uuid4().hex,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "typ": TYPE_ACCESS,
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def verify(self, token: str, now: datetime) -> VerifiedToken:
        """Whose token this is; Unauthenticated or TokenExpired if it is not good at this moment.

        Times are compared here and not by PyJWT, which knows only the machine's clock.
        """
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE, options=_OPTIONS
            )
            expires_at = datetime.fromtimestamp(int(claims["exp"]), now.tzinfo)
            not_before = datetime.fromtimestamp(int(claims["nbf"]), now.tzinfo)
            principal = Principal(UUID(claims["sub"]), str(claims["email"]), Role(claims["role"]), UUID(claims["sid"]))
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise Unauthenticated("The access token is not valid") from error
        if claims["typ"] != TYPE_ACCESS or now + LEEWAY < not_before:
            raise Unauthenticated("The access token is not valid")
        if now >= expires_at:
            raise TokenExpired()
        return VerifiedToken(principal, expires_at)
