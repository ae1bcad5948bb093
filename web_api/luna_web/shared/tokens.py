"""Access tokens: JSON Web Tokens whose key, algorithm, issuer, audience and claims are pinned (RFC 8725)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import jwt
from jwt.types import Options

from luna_web.shared.errors import TokenExpired, Unauthenticated
from luna_web.shared.keys import Key, Keys
from luna_web.shared.principal import Principal, Role

ISSUER = "luna-auth"
AUDIENCE = "luna-api"
TYPE_ACCESS = "access"
CLAIMS = ("sub", "email", "role", "iat", "nbf", "exp", "jti", "sid", "iss", "aud", "typ")
LEEWAY = timedelta(seconds=5)
REMEMBERED = 2_048
"""Tokens whose signature need not be verified again: as many callers as are at work at once."""
_OPTIONS: Options = {"require": list(CLAIMS), "verify_exp": False, "verify_nbf": False, "verify_iat": False}


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    principal: Principal
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Read:
    """What a token says that we signed. Whether it holds now is another question."""

    verified: VerifiedToken
    not_before: datetime


class AccessTokens:
    """Issues and verifies access tokens of `lifetime` seconds: the newest of `keys` signs, each verifies its own."""

    def __init__(self, keys: Keys, lifetime: int) -> None:
        self._keys = keys
        self.lifetime = lifetime
        # A caller shows the same token many times. What is refused is not remembered.
        self._read = lru_cache(REMEMBERED)(self._decode)

    def issue(self, principal: Principal, now: datetime, seconds: int | None = None) -> str:
        """A token from now on, for `lifetime` or so many `seconds`."""
        key = self._keys.newest
        moment = int(now.timestamp())
        claims = {
            "sub": str(principal.user_id),
            "email": principal.email,
            "role": principal.role.value,
            "sid": str(principal.session_id),
            "iat": moment,
            "nbf": moment,
            "exp": moment + (self.lifetime if seconds is None else seconds),
            "jti": uuid4().hex,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "typ": TYPE_ACCESS,
        }
        return jwt.encode(claims, key.signing(), algorithm=key.kind.algorithm, headers={"kid": key.kid})

    def verify(self, token: str, now: datetime) -> VerifiedToken:
        """Whose token this is; Unauthenticated or TokenExpired if it is not good at this moment.

        Times are compared here and not by PyJWT, which knows only the machine's clock.
        """
        read = self._read(token)
        if now + LEEWAY < read.not_before:
            raise Unauthenticated("The access token is not valid")
        if now >= read.verified.expires_at:
            raise TokenExpired()
        return read.verified

    def _decode(self, token: str) -> _Read:
        """Verify all that no clock is needed for. Raises Unauthenticated."""
        try:
            key = self._key_of(token)
            claims = jwt.decode(
                token,
                key.verifying,
                algorithms=[key.kind.algorithm],
                issuer=ISSUER,
                audience=AUDIENCE,
                options=_OPTIONS,
            )
            ends = datetime.fromtimestamp(int(claims["exp"]), UTC)
            expires_at = min(ends, datetime.fromtimestamp(self._latest_end(claims), UTC))
            not_before = datetime.fromtimestamp(int(claims["nbf"]), UTC)
            principal = Principal(UUID(claims["sub"]), str(claims["email"]), Role(claims["role"]), UUID(claims["sid"]))
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise Unauthenticated("The access token is not valid") from error
        if claims["typ"] != TYPE_ACCESS:
            raise Unauthenticated("The access token is not valid")
        return _Read(VerifiedToken(principal, expires_at), not_before)

    def _latest_end(self, claims: Mapping[str, Any]) -> int:
        """A lifetime that was shortened counts for tokens from before, too: ended sessions are remembered no longer."""
        return int(claims["iat"]) + self.lifetime

    def _key_of(self, token: str) -> Key:
        """The key that a token names, if it is one of ours. The key, not the token, says with which algorithm."""
        kid = jwt.get_unverified_header(token).get("kid")
        key = self._keys.named(kid) if isinstance(kid, str) else None
        if key is None:
            raise jwt.InvalidTokenError("no such key")
        return key
