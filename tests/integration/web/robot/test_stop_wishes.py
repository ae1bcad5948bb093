"""What people ask of a robot's emergency stop, against statuses that come late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from luna_web.robot import repository, service
from luna_web.robot.seen import SeenRobot
from luna_web.robot.store import Lease, Store
from luna_web.robot.wanted import StopState
from luna_web.shared.clock import SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from tests.integration.web.robot.conftest import add_robot
from tests.integration.web.robot.desk import DeskInMemory
from tests.unit.web.robot.examples import robot

STOPPED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEFORE, AFTER = STOPPED_AT - timedelta(milliseconds=20), STOPPED_AT + timedelta(milliseconds=20)


@pytest.fixture
def store(session_factory: SessionFactory, settings: Settings, desk: DeskInMemory) -> Store:
    return Store(session_factory, desk, settings.encryption_key, SystemClock())


@pytest.fixture
def lease(store: Store, session_factory: SessionFactory, settings: Settings) -> Lease:
    lease = store.acquire(add_robot(session_factory, settings, "ws://127.0.0.1:9/luna1", "t" * 43), uuid4())
    assert lease
    return lease


def wanted(session_factory: SessionFactory, robot_id: UUID) -> tuple[str, str | None]:
    with transaction(session_factory) as session:
        row = repository.robot(session, robot_id)
        assert row
        return row.stop_state, row.stop_id


def held_by(stop_id: str) -> SeenRobot:
    return replace(robot(), estopped=True, suspended=True, estop_id=stop_id)


class TestANewStop:
    @pytest.fixture(autouse=True)
    def stopped(self, lease: Lease, session_factory: SessionFactory) -> None:
        with transaction(session_factory) as session:
            service.ask_stop(session, lease.robot_id, stop_id="new", reason="", by="a", at=STOPPED_AT)

    def test_is_not_replaced_by_the_one_before_it_that_a_late_status_tells_of(
        self, store: Store, lease: Lease, session_factory: SessionFactory
    ) -> None:
        store.observe_status(lease, held_by("old"), BEFORE)

        assert wanted(session_factory, lease.robot_id) == (StopState.ENGAGE, "new")

    def test_gives_way_to_one_that_the_robot_holds_since(
        self, store: Store, lease: Lease, session_factory: SessionFactory
    ) -> None:
        store.observe_status(lease, held_by("pressed at the robot"), AFTER)

        assert wanted(session_factory, lease.robot_id) == (StopState.ENGAGE, "pressed at the robot")

    def test_its_release_stays_wanted_until_a_status_heard_after_it_shows_it(
        self, store: Store, lease: Lease, session_factory: SessionFactory
    ) -> None:
        with transaction(session_factory) as session:
            service.ask_release(session, lease.robot_id, stop_id="new", by="a", at=AFTER)

        store.observe_status(lease, robot(), BEFORE)
        assert wanted(session_factory, lease.robot_id) == (StopState.RELEASE, "new")

        store.observe_status(lease, robot(), AFTER + timedelta(seconds=1))
        assert wanted(session_factory, lease.robot_id) == (StopState.NONE, None)
