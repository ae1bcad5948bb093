"""Requests to push services: a message sealed for one browser, signed by us, sent within a deadline."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from webpush import WebPush, WebPushSubscription
from webpush.types import WebPushKeys

from luna_web.notification.sending.envelopes import PushEnvelope, ServiceAway
from luna_web.shared.vapid import PushKey

MOST_SECONDS = 15.0
"""For one message, from looking up the service's name to its answer."""
STEP_SECONDS = 5.0


class PushRequests:
    """One event loop of its own, so that a deadline holds whatever the other side does. To be used by one thread."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None) -> None:
        self._transport = transport
        self._loop = asyncio.new_event_loop()
        self._client: httpx.AsyncClient | None = None

    def post(self, envelope: PushEnvelope, key: PushKey, contact: str) -> tuple[int, Mapping[str, str]]:
        """Status and headers of the service's answer. Raises ServiceAway."""
        try:
            return self._loop.run_until_complete(self._post(envelope, key, contact))
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise ServiceAway(type(error).__name__) from error

    async def _post(self, envelope: PushEnvelope, key: PushKey, contact: str) -> tuple[int, Mapping[str, str]]:
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._transport, timeout=STEP_SECONDS, follow_redirects=False
            )
        sealed = sealed_for(envelope, key, contact)
        async with asyncio.timeout(MOST_SECONDS):
            request = self._client.build_request(
                "POST", envelope.endpoint, content=sealed.body, headers=dict(sealed.headers)
            )
            answer = await self._client.send(request, stream=True)
            await answer.aclose()
        return answer.status_code, answer.headers


@dataclass(frozen=True, slots=True)
class Sealed:
    """A request to a push service."""

    body: bytes
    headers: Mapping[str, str]


def sealed_for(envelope: PushEnvelope, key: PushKey, contact: str) -> Sealed:
    """Readable by that browser alone; the service sees sizes and times."""
    keys = WebPushKeys(auth=_text(envelope.auth), p256dh=_text(envelope.p256dh))
    browser = WebPushSubscription(endpoint=envelope.endpoint, keys=keys)
    # One for each message: it keeps what it was last asked.
    push = WebPush(private_key=key.private_pem, public_key=key.public_pem, subscriber=contact, ttl=envelope.ttl)
    made = push.get(envelope.body, browser)
    headers = {
        "TTL": str(envelope.ttl),
        "Topic": envelope.topic,
        "Urgency": "high" if envelope.urgent else "normal",
        "Content-Type": "application/octet-stream",
        "Content-Encoding": made.headers["content-encoding"],
        "Authorization": made.headers["authorization"],
    }
    return Sealed(made.encrypted, headers)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
