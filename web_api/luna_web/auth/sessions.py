"""Sessions: opening them, refreshing them, ending them."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.domain import (
    SECRET_BYTES,
    RefreshToken,
    RefreshVerdict,
    RevokedWhy,
    SessionState,
    judge_refresh,
    read_refresh_token,
)
from luna_web.auth.errors import RefreshTokenInvalid, RefreshTokenReused
from luna_web.auth.models import User, UserSession
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.database import after_commit, transaction
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Principal, Role
from luna_web.shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """A fresh pair and whose it is. `expires_in` is the access token's, in seconds."""

    principal: Principal
    access_token: str
    refresh_token: str
    expires_in: int


class Sessions:
    """Issues pairs of tokens over the table `sessions`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        secret = runtime.settings.jwt_secret.get_secret_value().encode()
        self._key = hmac.digest(secret, b"luna refresh tokens", "sha256")
        self._lifetime = timedelta(seconds=runtime.settings.refresh_token_seconds)

    def open(self, session: Session, user: User, meta: RequestMeta) -> IssuedTokens:
        """Begin a session for a user whose password was right."""
        now = self._runtime.clock.now()
        token = RefreshToken(new_id(), secrets.token_bytes(SECRET_BYTES))
        session.add(
            UserSession(
                id=token.session_id,
                user_id=user.id,
                refresh_hash=token.digest(),
                device=meta.user_agent,
                last_address=meta.ip_address,
                created_at=now,
                last_used_at=now,
                expires_at=now + self._lifetime,
            )
        )
        session.flush()
        return self._issued(user, token, now)

    def refresh(self, text: str, meta: RequestMeta) -> IssuedTokens:
        """A new pair for a refresh token; a retry within ten seconds gets the same refresh token again.

        Raises RefreshTokenInvalid, or RefreshTokenReused after ending the session.
        """
        token = read_refresh_token(text, self._key)
        if token is None:
            raise RefreshTokenInvalid()
        with transaction(self._runtime.session_factory) as session:
            verdict, issued = self._refresh(session, token, meta)
        # Raised only now, so that the end of a reused session is committed.
        if verdict is RefreshVerdict.REUSED:
            raise RefreshTokenReused()
        if issued is None:
            raise RefreshTokenInvalid()
        return issued

    def _refresh(
        self, session: Session, token: RefreshToken, meta: RequestMeta
    ) -> tuple[RefreshVerdict, IssuedTokens | None]:
        now = self._runtime.clock.now()
        row = repository.lock_session(session, token.session_id)
        if row is None:
            return RefreshVerdict.ENDED, None
        verdict = judge_refresh(_state(row), token.digest(), now)
        if verdict is RefreshVerdict.REUSED:
            self._end_reused(session, row, now, meta)
        if verdict not in (RefreshVerdict.ROTATE, RefreshVerdict.REPEAT):
            return verdict, None
        user = repository.get_user(session, row.user_id)
        if user is None or not user.is_active:
            return RefreshVerdict.ENDED, None
        follower = token.successor(self._key)
        if verdict is RefreshVerdict.ROTATE:
            self._rotate(row, follower, now, meta)
        return verdict, self._issued(user, follower, now)

    def _rotate(self, row: UserSession, follower: RefreshToken, now: datetime, meta: RequestMeta) -> None:
        row.previous_hash, row.refresh_hash = row.refresh_hash, follower.digest()
        row.rotated_at = row.last_used_at = now
        row.last_address = meta.ip_address
        row.expires_at = now + self._lifetime

    def _end_reused(self, session: Session, row: UserSession, now: datetime, meta: RequestMeta) -> None:
        self._forget(session, repository.revoke_sessions(session, row.user_id, {row.id}, now, RevokedWhy.REUSED))
        audit(session, None, "session.token_reused", "session", row.id, {"user_id": str(row.user_id)}, meta)

    def end(
        self,
        session: Session,
        principal: Principal,
        meta: RequestMeta,
        *,
        everywhere: bool = False,
        refresh_token: str | None = None,
    ) -> None:
        """Log out of this session and that of `refresh_token` if it is one's own, or of all of one's own."""
        token = read_refresh_token(refresh_token, self._key) if refresh_token else None
        these = {principal.session_id, token.session_id} if token else {principal.session_id}
        ended = repository.revoke_sessions(
            session, principal.user_id, None if everywhere else these, self._runtime.clock.now(), RevokedWhy.LOGOUT
        )
        self._forget(session, ended)
        audit(session, principal, "user.logged_out", "user", principal.user_id, {"sessions": len(ended)}, meta)

    def _forget(self, session: Session, ended: Sequence[UUID]) -> None:
        """This process knows at once; the others learn it from the table."""
        remember = self._runtime.revocations.remember
        after_commit(session, lambda: [remember(session_id) for session_id in ended])

    def _issued(self, user: User, token: RefreshToken, now: datetime) -> IssuedTokens:
        principal = Principal(user.id, user.email, Role(user.role), token.session_id)
        tokens = self._runtime.tokens
        return IssuedTokens(principal, tokens.issue(principal, now), token.text(self._key), tokens.lifetime)


def _state(row: UserSession) -> SessionState:
    return SessionState(
        refresh_hash=row.refresh_hash,
        previous_hash=row.previous_hash,
        rotated_at=row.rotated_at,
        expires_at=row.expires_at,
        revoked=row.revoked_at is not None,
    )
