"""Letters by Web Push: encrypted for one browser (RFC 8291), signed by us (RFC 8292), handed to its push service."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from luna_web.notification import repository
from luna_web.notification.domain import Channel, NotificationType
from luna_web.notification.models import NotificationDelivery, PushSubscription
from luna_web.notification.people import Directory, Person
from luna_web.notification.push_endpoints import fault_of, host_of
from luna_web.notification.sending.envelopes import PushEnvelope, ServiceAway
from luna_web.notification.sending.outcomes import Gone, Later, NotWanted, Outcome, Refused, Sent
from luna_web.shared.config import Settings
from luna_web.shared.vapid import PushKey

if TYPE_CHECKING:
    import httpx

    from luna_web.notification.sending.push_requests import PushRequests

SERVICE_RESTS_SECONDS = 10.0
LONGEST_RETRY_AFTER = timedelta(hours=1)
MOST_BYTES = 3000
"""Of a message in clear; push services take 4096 of it encrypted (RFC 8030, section 7.2)."""
URGENT = frozenset({NotificationType.DELIVERY_UPDATE, NotificationType.ROBOT_ALERT})


class PushCarrier:
    """To be used by one thread."""

    channel = Channel.PUSH

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        transport: "httpx.AsyncBaseTransport | None" = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = settings.vapid_key()
        self._contact = settings.push_contact or parseaddr(settings.mail_from)[1]
        self._services = settings.push_services
        self._address = settings.public_url
        self._directory = directory
        self._transport = transport
        self._monotonic = monotonic
        self._rests: dict[str, float] = {}
        self._made: PushRequests | None = None

    @property
    def rests(self) -> bool:
        """Each service rests by itself."""
        return False

    def prepare(
        self, session: Session, letter: NotificationDelivery, person: Person, ttl: timedelta
    ) -> PushEnvelope:
        browser = self._browser(session, letter)
        return PushEnvelope(
            endpoint=browser.endpoint,
            p256dh=browser.p256dh,
            auth=browser.auth,
            body=body_of(letter, self._address),
            topic=letter.topic,
            ttl=int(ttl.total_seconds()),
            urgent=NotificationType(letter.notification_type) in URGENT,
        )

    def _browser(self, session: Session, letter: NotificationDelivery) -> PushSubscription:
        """Raises NotWanted. What can never be used again goes with it."""
        if self._key is None:
            raise NotWanted("LUNA_PUSH_KEY is not set")
        browser = letter.subscription_id and repository.subscription(session, letter.subscription_id)
        if not browser or browser.user_id != letter.user_id:
            raise NotWanted("the browser is subscribed no longer")
        why = self._fault(session, browser, self._key)
        if why:
            repository.drop_subscription(session, browser.id)
            raise NotWanted(why)
        return browser

    def _fault(self, session: Session, browser: PushSubscription, key: PushKey) -> str | None:
        if browser.session_id not in self._directory.living_sessions(session, [browser.session_id]):
            return "its user has logged out there"
        if browser.expires_at is not None and browser.expires_at <= repository.now(session):
            return "the browser's subscription has expired"
        if browser.server_key != key.public:
            return "it was made for another LUNA_PUSH_KEY"
        return fault_of(browser.endpoint, self._services)

    def carry(self, envelope: PushEnvelope) -> Outcome:
        host = host_of(envelope.endpoint)
        rest = self._rests.get(host, 0.0) - self._monotonic()
        if rest > 0:
            return Later("the push service was away a moment ago", timedelta(seconds=rest), tried=False)
        assert self._key is not None  # noqa: S101 - no envelope without it
        try:
            status, headers = self._requests().post(envelope, self._key, self._contact)
        except ServiceAway as away:
            self._rests[host] = self._monotonic() + SERVICE_RESTS_SECONDS
            return Later(f"the push service cannot be used: {away}")
        return outcome_of(status, headers)

    def _requests(self) -> "PushRequests":
        """Made with the first message."""
        if self._made is None:
            # An HTTP client takes a while to load, and most workers never send a push.
            from luna_web.notification.sending.push_requests import PushRequests

            self._made = PushRequests(self._transport)
        return self._made

    def arrived(self, session: Session, letter: NotificationDelivery, outcome: Sent | Gone) -> None:
        if letter.subscription_id is None:
            return
        if isinstance(outcome, Gone):
            repository.drop_subscription(session, letter.subscription_id)
        else:
            repository.reached(session, letter.subscription_id)


def outcome_of(status: int, headers: Mapping[str, str]) -> Outcome:
    """What a push service's answer means (RFC 8030, sections 5 and 7.3)."""
    said = f"the push service answered {status}"
    if 200 <= status < 300:
        return Sent()
    if status in (404, 410):
        return Gone(said)
    if status == 429 or status >= 500:
        return Later(said, _retry_after(headers.get("Retry-After", "")))
    return Refused(said)


def body_of(letter: NotificationDelivery, address: str) -> bytes:
    """What the page's service worker gets: `tag` has a newer message replace an older one about the same thing."""
    message = letter.message
    while True:
        said = {
            "type": letter.notification_type,
            "title": letter.title,
            "message": message,
            "event_id": str(letter.event_id),
            "tag": letter.topic,
            "url": address,
        }
        body = json.dumps(said, ensure_ascii=False).encode()
        if len(body) <= MOST_BYTES or not message:
            return body
        message = message[: len(message) * 3 // 4].rstrip("…") + "…" if len(message) > 8 else ""


def _retry_after(text: str) -> timedelta:
    return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER) if text.isdecimal() else timedelta()
