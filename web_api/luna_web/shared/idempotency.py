"""Idempotency-Key: the same POST twice has one effect and one answer.

The row is written in the effect's own transaction; a second call while the first runs is refused at once
(an advisory lock, not a blocking insert). Only successes are kept.
"""

import hashlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, get_type_hints
from uuid import UUID

from fastapi import Depends, Header, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from luna_web.shared.envelope import EnvelopeResponse, ok
from luna_web.shared.errors import IdempotencyKeyReused, RequestInProgress, ValidationFailed
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.models import IdempotencyKey
from luna_web.shared.transactions import DbSession

REPLAYED = {"Idempotency-Replayed": "true"}
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
_HINT = "1 to 255 visible ASCII characters"


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """One request that carries a key."""

    request: Request
    session: Session
    user_id: UUID
    key: str
    path: str
    body_hash: bytes

    def lock(self) -> None:
        """Hold the key until the transaction ends; RequestInProgress if another request holds it."""
        name = hashlib.sha256(f"{self.user_id}\n{self.path}\n{self.key}".encode()).digest()
        number = int.from_bytes(name[:8], "big", signed=True)
        if not self.session.scalar(select(func.pg_try_advisory_xact_lock(number))):
            raise RequestInProgress()

    def earlier_answer(self) -> EnvelopeResponse | None:
        row = self.session.scalar(
            select(IdempotencyKey)
            .where(IdempotencyKey.user_id == self.user_id)
            .where(IdempotencyKey.key == self.key, IdempotencyKey.path == self.path)
            .where(IdempotencyKey.expires_at > func.now())
        )
        if row is None:
            return None
        if row.body_hash != self.body_hash:
            raise IdempotencyKeyReused()
        headers = REPLAYED | ({"Location": row.location} if row.location else {})
        return ok(row.data, request=self.request, status=row.status, headers=headers)

    @property
    def _hours(self) -> int:
        """How long the answer is remembered."""
        hours: int = self.request.app.state.luna.settings.idempotency_hours
        return hours

    def keep(self, answer: EnvelopeResponse) -> None:
        """Remember a success; an expired row of the same key gives way."""
        from pydantic_core import to_jsonable_python

        self.session.merge(
            IdempotencyKey(
                user_id=self.user_id,
                key=self.key,
                path=self.path,
                body_hash=self.body_hash,
                status=answer.status_code,
                location=answer.headers.get("Location"),
                data=to_jsonable_python(answer.data, inf_nan_mode="constants"),
                created_at=func.now(),
                expires_at=func.now() + func.make_interval(0, 0, 0, 0, self._hours),
            )
        )


def checked_key(key: str | None) -> str | None:
    """The same key; ValidationFailed if it is none that we take."""
    if key is not None and not _VISIBLE_ASCII.fullmatch(key):
        raise ValidationFailed({"Idempotency-Key": [_HINT]})
    return key


async def keyed_request(
    request: Request,
    session: DbSession,
    principal: CurrentPrincipal,
    key: Annotated[str | None, Header(alias="Idempotency-Key", description=_HINT, min_length=1, max_length=255)] = None,
) -> KeyedRequest | None:
    """The key of this request, if it has one."""
    key = checked_key(key)
    if key is None:
        return None
    body_hash = hashlib.sha256(await request.body()).digest()
    return KeyedRequest(request, session, principal.user_id, key, request.url.path, body_hash)


def idempotent(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint, answering a repeated key with its first answer. It must be a plain function using `DbSession`."""

    @wraps(endpoint)
    def once(*args: Any, keyed_request_: KeyedRequest | None, **kwargs: Any) -> Any:
        if keyed_request_ is None:
            return endpoint(*args, **kwargs)
        keyed_request_.lock()
        earlier = keyed_request_.earlier_answer()
        if earlier is not None:
            return earlier
        answer = endpoint(*args, **kwargs)
        if isinstance(answer, EnvelopeResponse) and answer.status_code < 300:
            keyed_request_.keep(answer)
        return answer

    once.__signature__ = _with_key(endpoint)  # type: ignore[attr-defined]
    return once


def _with_key(endpoint: Callable[..., Any]) -> inspect.Signature:
    """The endpoint's signature with its annotations resolved, and the dependency that reads the key."""
    hints = get_type_hints(endpoint, include_extras=True)
    signature = inspect.signature(endpoint)
    parameters = [one.replace(annotation=hints.get(name, one.annotation)) for name, one in signature.parameters.items()]
    extra = inspect.Parameter(
        "keyed_request_",
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[KeyedRequest | None, Depends(keyed_request)],
    )
    return signature.replace(parameters=[*parameters, extra])
