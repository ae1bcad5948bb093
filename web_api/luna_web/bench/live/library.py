"""What the measurement needs in its database: librarians with sessions, and events of theirs."""

import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from redis import Redis

from luna_web.auth.models import User, UserSession
from luna_web.notification.live.leading import LeadingPositions
from luna_web.notification.live.streams import Publisher, kept_of
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.ids import new_id
from luna_web.shared.outbox import record_event
from luna_web.shared.principal import Principal, Role
from luna_web.shared.tokens import AccessTokens
from luna_web.worker.relay import Relay

EVENTS_A_SECOND = 20.0
SAID_A_SECOND = 10
NOBODY_LOGS_IN = "!"


def make_people(factory: SessionFactory, settings: Settings, count: int) -> dict[UUID, str]:
    """So many librarians; an access token of each."""
    tokens = AccessTokens(settings.key_ring(), settings.access_token_seconds)
    now, made = datetime.now(UTC), dict[UUID, str]()
    with transaction(factory) as session:
        for _ in range(count):
            user_id, session_id = new_id(), new_id()
            email = f"watcher-{user_id}@bench.example"
            session.add(
                User(
                    id=user_id,
                    email=email,
                    role=Role.LIBRARIAN,
                    first_name="W",
                    last_name="W",
                    is_active=True,
                    password_hash=NOBODY_LOGS_IN,
                    version=1,
                )
            )
            session.flush()
            ends = now + timedelta(days=1)
            session.add(
                UserSession(id=session_id, user_id=user_id, refresh_hash=session_id.bytes * 2, expires_at=ends)
            )
            made[user_id] = tokens.issue(Principal(user_id, email, Role.LIBRARIAN, session_id), now)
    return made


class Robots:
    """So many robots that speak ten times a second each, evenly spread; told as the process that leads them tells."""

    def __init__(self, redis: "Redis", count: int) -> None:
        self._ids = [new_id() for _ in range(count)]
        self._positions = LeadingPositions(redis)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._said = 0

    def start(self) -> None:
        self._positions.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5)
        self._positions.stop()

    def _run(self) -> None:
        step = 1 / (SAID_A_SECOND * len(self._ids))
        due = time.monotonic()
        while not self._stopping.is_set():
            robot_id = self._ids[self._said % len(self._ids)]
            self._positions.heard(robot_id, _status(self._said), datetime.now(UTC))
            self._said += 1
            due += step
            time.sleep(max(0.0, due - time.monotonic()))


def _status(number: int) -> dict[str, object]:
    along = (number % 1000) / 50
    return {
        "robot_name": f"luna{number % 50}",
        "mode": "NAVIGATING",
        "pose": {"x": along, "y": 20 - along, "yaw": along / 7},
        "frame": "map",
        "linear_velocity": 0.31,
        "angular_velocity": 0.02,
        "battery": 0.83,
        "charging": False,
        "nearest_waypoint": "DESK-1",
        "delivery_id": "",
        "destination": "STUDY-2",
        "distance_remaining": 12.5,
        "estimated_time_remaining": 41.0,
    }


class Events:
    """Events of single people, written to the outbox as any service does and told by a relay of its own."""

    def __init__(self, factory: SessionFactory, settings: Settings, people: list[UUID]) -> None:
        url = settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        publisher = Publisher(Redis.from_url(settings.redis_url), kept_of(settings))
        self._relay = Relay(
            factory,
            [],
            lambda _: None,
            lambda: psycopg.connect(url, autocommit=True, connect_timeout=2),
            publish=publisher.publish,
        )
        self._factory = factory
        self._people = people
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.told: Counter[UUID] = Counter()

    def start(self) -> None:
        self._relay.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5)
        time.sleep(1.0)  # what was written last is still on its way
        self._relay.stop()

    def _run(self) -> None:
        chance, due = random.Random(1), time.monotonic()  # noqa: S311 - made-up events
        while not self._stopping.is_set():
            person = chance.choice(self._people)
            self._write(person)
            self.told[person] += 1
            due += 1 / EVENTS_A_SECOND
            time.sleep(max(0.0, due - time.monotonic()))

    def _write(self, person: UUID) -> None:
        with transaction(self._factory) as session:
            record_event(
                session,
                type="delivery.loan.opened",
                source="bench",
                aggregate=f"loan:{new_id()}",
                aggregate_seq=1,
                payload={"user_id": person, "book_title": "A book that is measured", "said": time.time()},
                trace_id="bench",
            )
