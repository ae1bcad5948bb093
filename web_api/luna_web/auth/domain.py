"""Decisions about passwords and refresh tokens, without database or clock."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

GRACE = timedelta(seconds=10)
"""How long a refresh that was answered, but whose answer got lost, may be asked again."""
SECRET_BYTES = 32
UNSETTLED = "!"
"""Instead of a password's hash, which no password has: several have registered this email, and none has verified it."""
MAILED_SECRET_BYTES = 32
_MIN, _MAX = 8, 128
CONTEXT_WORDS = frozenset(
    {"luna", "library", "libraries", "librarian", "librarians", "student", "students", "admin", "administrator",
     "robot", "robots", "turtlebot", "book", "books", "bookworm", "delivery", "reader", "readers", "catalog",
     "bibliothek", "biblioteca", "bibliotheque"}
)  # fmt: skip
"""What somebody who attacks a library's robots tries first."""


class RevokedWhy(StrEnum):
    LOGOUT = "LOGOUT"
    REUSED = "REUSED"
    PASSWORD = "PASSWORD"  # noqa: S105
    ROLE = "ROLE"
    DISABLED = "DISABLED"
    ADMIN = "ADMIN"
    SUPERSEDED = "SUPERSEDED"


def password_problems(password: str, email: str, common: frozenset[str]) -> tuple[str, ...]:
    """What a password lacks; empty = good enough. `common` holds lower-case passwords that everybody tries."""
    folded = password.casefold()
    local_part = email.partition("@")[0].casefold()
    problems = {
        f"must have {_MIN} to {_MAX} characters": not _MIN <= len(password) <= _MAX,
        "must have a letter": not any(char.isalpha() for char in password),
        "must have a digit": not any(char.isdigit() for char in password),
        "must have a character that is neither letter nor digit": all(char.isalnum() for char in password),
        "must not be the email": folded in (email.casefold(), local_part),
        "is among the commonest passwords": folded in common or _stem(folded) in common,
        "must not be a word of the library with decoration": bool(_words(folded) & CONTEXT_WORDS),
    }
    return tuple(problem for problem, present in problems.items() if present)


def _stem(password: str) -> str:
    """What is left of `password123!` and `p@ssw0rd1!` once decoration and look-alikes are taken away."""
    plain = password.translate(str.maketrans("@013457$!", "aoleastsi"))
    return password.rstrip("0123456789!?.,;:*#$%&@_-+") or plain


def _words(password: str) -> set[str]:
    """What `L1brary-2026!` may mean without digits and marks at both ends, whatever letters the others stand for."""
    inner = password.strip("0123456789!?.,;:*#$%&@_-+ ")
    return {inner.translate(str.maketrans("@013457$!", looks)) for looks in ("aoleastsi", "aoieastsi")}


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token: its session and a secret, sealed so that what we never issued is told from what was used.

    Its successor is derived from it, so that the same old token always leads to the same new one and nothing but
    hashes is stored.
    """

    session_id: UUID
    secret: bytes

    def text(self, key: bytes) -> str:
        """As the client keeps it: base64url of session, secret and seal."""
        body = self.session_id.bytes + self.secret
        return base64.urlsafe_b64encode(body + _seal(key, body)).rstrip(b"=").decode()

    def digest(self) -> bytes:
        """As the table keeps it."""
        return hashlib.sha256(self.session_id.bytes + self.secret).digest()

    def successor(self, key: bytes) -> "RefreshToken":
        """The one after this; the same key always derives the same."""
        body = b"successor" + self.session_id.bytes + self.secret
        return RefreshToken(self.session_id, hmac.digest(key, body, "sha256"))


def _seal(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"seal" + body, "sha256")[:16]


def read_refresh_token(text: str, keys: Sequence[bytes]) -> RefreshToken | None:
    """The token, if it is one that one of these keys sealed."""
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return None
    body, seal = raw[: 16 + SECRET_BYTES], raw[16 + SECRET_BYTES :]
    if len(raw) != 32 + SECRET_BYTES or not any(hmac.compare_digest(seal, _seal(key, body)) for key in keys):
        return None
    return RefreshToken(UUID(bytes=body[:16]), body[16:])


class RefreshVerdict(StrEnum):
    """What a refresh token that came means for its session."""

    ROTATE = "ROTATE"
    REPEAT = "REPEAT"
    REUSED = "REUSED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class SessionState:
    """What judging a refresh token needs to know of its session."""

    refresh_hash: bytes
    previous_hash: bytes | None
    rotated_at: datetime | None
    expires_at: datetime
    revoked: bool


def judge_refresh(state: SessionState, digest: bytes, now: datetime) -> RefreshVerdict:
    """ROTATE: the current token. REPEAT: the one before, within the grace, while its successor is unused.

    REUSED: any older one. The seal was checked before, so an unknown digest is one that was rotated away.
    """
    if state.revoked or now >= state.expires_at:
        return RefreshVerdict.ENDED
    if hmac.compare_digest(digest, state.refresh_hash):
        return RefreshVerdict.ROTATE
    if state.previous_hash is None or not hmac.compare_digest(digest, state.previous_hash):
        return RefreshVerdict.REUSED
    if state.rotated_at is not None and now - state.rotated_at <= GRACE:
        return RefreshVerdict.REPEAT
    return RefreshVerdict.REUSED


def repeated_successor(token: RefreshToken, state: SessionState, keys: Sequence[bytes]) -> RefreshToken | None:
    """The successor that was handed out before, whichever key derived it; None if that key is gone."""
    followers = (token.successor(key) for key in keys)
    return next((one for one in followers if hmac.compare_digest(one.digest(), state.refresh_hash)), None)


@dataclass(frozen=True, slots=True)
class MailedSecret:
    """The token of a link in a mail: derived from what asked for it, so that a mail sent twice is the same mail."""

    secret: bytes

    @classmethod
    def derive(cls, key: bytes, event_id: UUID, user_id: UUID) -> "MailedSecret":
        return cls(hmac.digest(key, event_id.bytes + user_id.bytes, "sha256"))

    def text(self) -> str:
        """As it stands in the link."""
        return base64.urlsafe_b64encode(self.secret).rstrip(b"=").decode()

    def digest(self) -> bytes:
        """As the table keeps it."""
        return hashlib.sha256(self.secret).digest()


def read_mailed_secret(text: str) -> MailedSecret | None:
    """The token of a text, if it can be one."""
    try:
        secret = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return None
    return MailedSecret(secret) if len(secret) == MAILED_SECRET_BYTES else None


def registration_of(password_hash: str) -> str:
    """Names one registration among several under the same email; tells nothing of the password."""
    return hashlib.sha256(b"registration" + password_hash.encode()).hexdigest()[:32]
