"""What a controller writes down of a robot: its log, its events, what it did with its time. Time is injected."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from luna_web.notification.tellings import tellings_of
from luna_web.robot import service, status_log
from luna_web.robot.ports import DeliveryKind
from luna_web.robot.seen import RobotMode, SeenFault, SeenRobot, Severity
from luna_web.robot.store import Lease, Store
from luna_web.shared.clock import FixedClock
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from tests.integration.web.robot.conftest import add_robot
from tests.integration.web.robot.desk import DeskInMemory
from tests.unit.web.robot.examples import robot

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BUMP = SeenFault("BUMP", Severity.CRITICAL, "something was hit", 1.0)


class Watched:
    """One robot, its store, and a clock that tests move."""

    def __init__(self, sessions: SessionFactory, settings: Settings) -> None:
        self.sessions = sessions
        self.clock = FixedClock(NOON)
        self.store = Store(sessions, DeskInMemory(sessions), settings.encryption_key, self.clock)
        self.robot_id: UUID = add_robot(sessions, settings, "ws://127.0.0.1:9/luna1", "t" * 43)
        lease = self.store.acquire(self.robot_id, uuid4())
        assert lease
        self.lease: Lease = lease

    def says(self, seen: SeenRobot | None = None, *, after: float = 1.0, driven: float = 0.0) -> None:
        self.clock.advance(timedelta(seconds=after))
        self.store.observe_status(self.lease, seen or robot(), self.clock.now(), driven)

    def rows(self, query: str, **values: object) -> list[Any]:
        with transaction(self.sessions) as session:
            return [row[0] if len(row) == 1 else tuple(row) for row in session.execute(text(query), values)]

    def log(self) -> list[Any]:
        return self.rows("SELECT kinds FROM robot_status_logs ORDER BY at")

    def events(self) -> list[str]:
        return self.rows("SELECT event_type FROM outbox ORDER BY aggregate_seq")


@pytest.fixture
def watched(session_factory: SessionFactory, settings: Settings) -> Watched:
    return Watched(session_factory, settings)


class TestLog:
    def test_it_has_every_change_and_a_sample_every_ten_seconds(self, watched: Watched) -> None:
        watched.says()
        for _ in range(4):
            watched.says(after=2)
        watched.says(after=2)
        watched.says(replace(robot(), mode=RobotMode.IDLE, faults=(BUMP,)))
        watched.says(replace(robot(), mode=RobotMode.IDLE))
        assert watched.log() == [["LINK", "MODE"], ["SAMPLE"], ["MODE", "FAULT"], ["FAULT"]]

    def test_silence_is_written_once(self, watched: Watched) -> None:
        watched.says()
        for _ in range(3):
            watched.clock.advance(timedelta(seconds=6))
            watched.store.lost(watched.lease, NOON)
        assert watched.log() == [["LINK", "MODE"], ["LINK", "MODE"]]
        assert watched.rows("SELECT mode FROM robot_status_logs ORDER BY at DESC LIMIT 1") == ["OFFLINE"]


class TestEvents:
    def test_a_day_of_a_robot(self, watched: Watched) -> None:
        held = replace(robot(), mode=RobotMode.ESTOPPED, estopped=True, suspended=True, estop_id="pressed")
        watched.says()
        watched.says(replace(robot(), faults=(BUMP,)))
        watched.says(replace(held, faults=(BUMP,)))
        watched.says(held)
        watched.says(replace(held, estopped=False, mode=RobotMode.SUSPENDED))
        watched.store.lost(watched.lease, NOON)
        assert watched.events() == [
            "robot.status.registered",
            "robot.status.online",
            "robot.fault.raised",
            "robot.status.changed",
            "robot.estop.engaged",
            "robot.fault.cleared",
            "robot.status.changed",
            "robot.estop.released",
            "robot.status.offline",
        ]
        seqs = watched.rows("SELECT aggregate_seq FROM outbox ORDER BY position")
        assert seqs == sorted(set(seqs))
        aggregates = set(watched.rows("SELECT DISTINCT aggregate FROM outbox"))
        assert aggregates == {f"robot:{watched.robot_id}"}

    def test_a_robot_that_comes_and_goes_is_told_of_once_until_it_is_steady(self, watched: Watched) -> None:
        def told() -> int:
            seen = watched.rows("SELECT payload FROM outbox WHERE event_type = 'robot.status.offline'")
            return sum(bool(tellings_of("robot.status.offline", payload)) for payload in seen)

        def silent(seconds: float) -> None:
            since = watched.clock.now()
            for _ in range(int(seconds // 5)):
                watched.clock.advance(timedelta(seconds=5))
                watched.store.lost(watched.lease, since)

        silent(600)
        assert told() == 0, "nobody has heard of it yet"
        for _ in range(3):
            watched.says(after=60)
            silent(60)
        assert (told(), watched.events().count("robot.status.offline")) == (1, 3)
        silent(600)
        assert told() == 2, "it stays away"
        watched.says(after=60)
        watched.says(after=300)
        silent(10)
        assert told() == 3, "it had been steady"

    def test_a_stop_that_was_asked_for_is_one_event(self, watched: Watched) -> None:
        watched.says()
        with transaction(watched.sessions) as session:
            service.ask_stop(session, watched.robot_id, stop_id="s", reason="", by="a", at=watched.clock.now())
        watched.says(replace(robot(), mode=RobotMode.ESTOPPED, estopped=True, suspended=True, estop_id="s"))
        assert watched.events().count("robot.estop.engaged") == 1


class TestUsage:
    def test_time_and_metres_are_those_of_their_quarter(self, watched: Watched) -> None:
        busy = replace(robot(), delivery_id=str(uuid4()), kind=DeliveryKind.DELIVERY, mode=RobotMode.NAVIGATING)
        watched.clock.advance(timedelta(minutes=14, seconds=55))
        watched.says(busy)
        watched.says(busy, after=2, driven=0.8)
        watched.says(after=4, driven=1.2)
        watched.says(after=60)
        counted = watched.rows("SELECT at, distance, online_seconds, busy_seconds FROM robot_usage ORDER BY at")
        assert counted == [(NOON, 0.8, 4.0, 4.0), (NOON + timedelta(minutes=15), 1.2, 2.0, 2.0)]
        assert watched.rows("SELECT odometer FROM robots") == [2.0]
        with transaction(watched.sessions) as session:
            newest = counted[-1][0]
            assert status_log.forget_usage(session, newest) == len(counted) - 1
        assert watched.rows("SELECT at FROM robot_usage") == [newest]


class TestPartitions:
    def test_they_are_made_ahead_and_forgotten_when_they_are_old(self, watched: Watched) -> None:
        old, later = datetime(2024, 5, 31, 23, tzinfo=UTC), datetime(2024, 6, 1, 1, tzinfo=UTC)
        watched.clock = FixedClock(old)
        watched.says(after=0)
        watched.says(after=7200)
        with transaction(watched.sessions) as session:
            assert status_log.make_partitions(session, old) == 3
            assert status_log.make_partitions(session, old) == 0
        where = "SELECT tableoid::regclass::text FROM robot_status_logs WHERE at < '2025-01-01' ORDER BY at"
        assert watched.rows(where) == ["robot_status_logs_y2024m05", "robot_status_logs_y2024m06"]
        with transaction(watched.sessions) as session:
            assert status_log.forget_old(session, later + timedelta(days=90)) == 1
            assert status_log.forget_old(session, later + timedelta(days=90)) == 0
        assert watched.rows(where) == ["robot_status_logs_y2024m06"]
        with transaction(watched.sessions) as session:
            assert status_log.forget_old(session, later + timedelta(days=365)) == 2

    def test_what_comes_without_a_partition_is_kept_and_forgotten_too(self, watched: Watched) -> None:
        watched.clock = FixedClock(datetime(2023, 1, 1, tzinfo=UTC))
        watched.says()
        assert len(watched.log()) == 1
        with transaction(watched.sessions) as session:
            assert status_log.forget_old(session, datetime(2024, 1, 1, tzinfo=UTC)) == 1
        assert watched.log() == []

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM robot_status_logs",
            "UPDATE robot_status_logs SET mode = 'IDLE'",
            "DELETE FROM robot_status_logs_default",
            "SELECT robot_status_logs_ahead(date '2030-01-01', 100)",
            "SELECT robot_status_logs_forget(now())",
        ],
    )
    def test_the_application_cannot_rewrite_it(self, watched: Watched, statement: str) -> None:
        with pytest.raises(DBAPIError, match=r"permission denied|must be 1 to 24|last day is kept"):
            watched.rows(statement)

    def test_the_months_to_come_are_there_after_the_upgrade(self, watched: Watched) -> None:
        today = datetime.now(UTC)
        assert watched.rows(f"SELECT to_regclass('robot_status_logs_y{today:%Y}m{today:%m}') IS NOT NULL") == [True]
