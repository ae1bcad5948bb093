"""Sessions: opening them, refreshing them, ending them."""

import secrets
from collections.abc import Collection, Sequence
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
    repeated_successor,
)
from luna_web.auth.errors import RefreshTokenInvalid, RefreshTokenReused, SessionNotFound
from luna_web.auth.models import User, UserSession
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.database import after_commit, transaction
from luna_web.shared.ids import new_id
from luna_web.shared.paging import Order, Page, PageParams, paginate
from luna_web.shared.principal import Principal, Role
from luna_web.shared.runtime import Runtime

SORTS = {"last_used_at": UserSession.last_used_at, "created_at": UserSession.created_at}


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
        self._keys = runtime.settings.key_ring().seals(b"luna refresh tokens")
        self._lifetime = timedelta(seconds=runtime.settings.refresh_token_seconds)
        self._longest = timedelta(seconds=runtime.settings.session_seconds)

    def open(self, session: Session, user: User, meta: RequestMeta) -> IssuedTokens:
        """Begin a session for a user whose password was right. One too many ends the one unused for longest."""
        now = self._runtime.clock.now()
        spare = repository.sessions_beyond(session, user.id, self._runtime.settings.sessions_per_user - 1, now)
        if spare:
            self.revoke(session, user.id, spare, RevokedWhy.SUPERSEDED)
        token = RefreshToken(new_id(), secrets.token_bytes(SECRET_BYTES))
        row = UserSession(
            id=token.session_id,
            user_id=user.id,
            refresh_hash=token.digest(),
            device=meta.user_agent,
            last_address=meta.ip_address,
            created_at=now,
            last_used_at=now,
            expires_at=now + min(self._lifetime, self._longest),
        )
        session.add(row)
        session.flush()
        return self._issued(user, row, token, now)

    def named_by(self, text: str) -> UUID | None:
        """Whose session a refresh token says it is of, if we sealed it; whether it is good is not asked."""
        token = read_refresh_token(text, self._keys)
        return token.session_id if token else None

    def refresh(self, text: str, meta: RequestMeta) -> IssuedTokens:
        """A new pair for a refresh token; a retry within ten seconds gets the same refresh token again.

        Raises RefreshTokenInvalid, or RefreshTokenReused after ending the session.
        """
        token = read_refresh_token(text, self._keys)
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
            self._end_reused(session, row, meta)
        if verdict not in (RefreshVerdict.ROTATE, RefreshVerdict.REPEAT):
            return verdict, None
        user = repository.get_user(session, row.user_id)
        if user is None or not user.is_active:
            return RefreshVerdict.ENDED, None
        if verdict is RefreshVerdict.REPEAT:
            follower = repeated_successor(token, _state(row), self._keys)
            return verdict, self._issued(user, row, follower, now) if follower else None
        follower = token.successor(self._keys[0])
        self._rotate(row, follower, now, meta)
        return verdict, self._issued(user, row, follower, now)

    def _rotate(self, row: UserSession, follower: RefreshToken, now: datetime, meta: RequestMeta) -> None:
        row.previous_hash, row.refresh_hash = row.refresh_hash, follower.digest()
        row.rotated_at = row.last_used_at = now
        row.last_address = meta.ip_address
        row.expires_at = min(now + self._lifetime, row.created_at + self._longest)

    def _end_reused(self, session: Session, row: UserSession, meta: RequestMeta) -> None:
        self.revoke(session, row.user_id, {row.id}, RevokedWhy.REUSED)
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
        token = read_refresh_token(refresh_token, self._keys) if refresh_token else None
        these = {principal.session_id, token.session_id} if token else {principal.session_id}
        ended = self.revoke(session, principal.user_id, None if everywhere else these, RevokedWhy.LOGOUT)
        audit(session, principal, "user.logged_out", "user", principal.user_id, {"sessions": len(ended)}, meta)

    def revoke(
        self, session: Session, user_id: UUID, these: Collection[UUID] | None, why: RevokedWhy
    ) -> Sequence[UUID]:
        """End living sessions of a user, `these` or all; which they were. Everywhere within a second."""
        ended = repository.revoke_sessions(session, user_id, these, self._runtime.clock.now(), why)
        remember = self._runtime.revocations.remember
        # This process knows at once; the others learn it from the table.
        after_commit(session, lambda: [remember(session_id) for session_id in ended])
        return ended

    def revoke_others(self, session: Session, principal: Principal, why: RevokedWhy) -> Sequence[UUID]:
        """End all of one's own sessions but this."""
        living = repository.live_sessions(principal.user_id, self._runtime.clock.now())
        others = {row.id for row in session.scalars(living)} - {principal.session_id}
        return self.revoke(session, principal.user_id, others, why)

    def live(self, session: Session, principal: Principal, page: PageParams) -> Page[UserSession]:
        """One's own sessions that have not ended, the last used first."""
        living = repository.live_sessions(principal.user_id, self._runtime.clock.now())
        return paginate(
            session, living, page, SORTS, default="last_used_at", tie=UserSession.id, default_order=Order.DESC
        )

    def end_one(self, session: Session, principal: Principal, session_id: UUID, meta: RequestMeta) -> None:
        """End one of one's own sessions. Raises SessionNotFound."""
        if not self.revoke(session, principal.user_id, {session_id}, RevokedWhy.LOGOUT):
            raise SessionNotFound()
        audit(session, principal, "session.ended", "session", session_id, {}, meta)

    def _issued(self, user: User, row: UserSession, token: RefreshToken, now: datetime) -> IssuedTokens:
        """No access token outlives its session: only living sessions can be ended."""
        principal = Principal(user.id, user.email, Role(user.role), row.id)
        tokens = self._runtime.tokens
        seconds = min(tokens.lifetime, int((row.expires_at - now).total_seconds()))
        return IssuedTokens(principal, tokens.issue(principal, now, seconds), token.text(self._keys[0]), seconds)


def _state(row: UserSession) -> SessionState:
    return SessionState(
        refresh_hash=row.refresh_hash,
        previous_hash=row.previous_hash,
        rotated_at=row.rotated_at,
        expires_at=row.expires_at,
        revoked=row.revoked_at is not None,
    )
