"""A library with one robot: its double under real ROS, a real rosbridge and proxy, and the robot service over them.

- `robot`: the double; `bridge`, `proxy`: what leads to it.
- `desk`: the deliveries that the service is given.
- `luna1`: the registered robot's id, on the floor of `sim/maps/library`.
- `led`: the robot service with its controllers running, and its API.
- `patient`: requests wait for the robot as long as tests do.
- `steady`: a lease outlives whatever holds its holder up.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from luna_web.delivery.policies import policies
from luna_web.delivery.reports import DeliveryReports
from luna_web.notification.live.leading import LeadingPositions
from luna_web.robot import emergency, repository
from luna_web.robot.app import SERVICE
from luna_web.robot.models import Robot
from luna_web.robot.ports import DELIVERIES, DELIVERY_DESK, STATUS_LISTENER
from luna_web.robot.routes import calling
from luna_web.robot.seed import Registration, load_floor, register
from luna_web.shared.app import make_app
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime, make_runtime
from tests.integration.in_process import make_client
from tests.integration.web.robot.desk import DeskInMemory
from tests.integration.web.robot.ros_side import DEADLINE_S, ROOT, Bridge, Proxy, RobotDouble, end, ros_in
from tests.integration.world import Api, People

FLOOR = ROOT / "sim/maps/library"


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[RobotDouble]:
    double = RobotDouble(ros_in(tmp_path), "luna1")
    yield double
    end(double.process)


@pytest.fixture
def bridge(robot: RobotDouble) -> Iterator[Bridge]:
    bridge = Bridge(robot.ros, robot.name)
    bridge.start()
    yield bridge
    if bridge.process:
        end(bridge.process)


@pytest.fixture
def proxy(bridge: Bridge, tmp_path: Path) -> Iterator[Proxy]:
    with Proxy(tmp_path, bridge).running() as proxy:
        yield proxy


@pytest.fixture
def desk(session_factory: SessionFactory) -> DeskInMemory:
    return DeskInMemory(session_factory)


@pytest.fixture
def luna1(session_factory: SessionFactory, settings: Settings, proxy: Proxy) -> UUID:
    return add_robot(session_factory, settings, proxy.url, proxy.token)


@pytest.fixture
def lead(settings: Settings, runtime: Runtime, desk: DeskInMemory) -> Iterator[Callable[[], Api]]:
    """Starts the robot service, with its controllers, in a runtime of its own; as often as one likes."""
    with ExitStack() as stack:

        def start() -> Api:
            own = make_runtime(settings)
            own.provide(DELIVERY_DESK, desk)
            own.provide(DELIVERIES, DeliveryReports(own.clock, policies(own)))
            own.provide(STATUS_LISTENER, LeadingPositions(own.redis))
            api = Api(stack.enter_context(make_client(make_app("LUNA robots", [SERVICE], own), lifespan=True)))
            return api.as_token(_librarian(api, own))

        yield start


@pytest.fixture
def led(luna1: UUID, lead: Callable[[], Api]) -> Api:
    return lead()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request waits for the robot as long as a test does: an answer that is late on a busy machine still comes."""
    monkeypatch.setattr(emergency, "ANSWER_SECONDS", DEADLINE_S)
    monkeypatch.setattr(calling, "EFFECT_SECONDS", DEADLINE_S)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever leads a robot leads it until they give it up, also if this process stands still for a while."""
    monkeypatch.setattr(repository, "LEASE_SECONDS", 30)


def add_robot(sessions: SessionFactory, settings: Settings, url: str, token: str, name: str = "luna1") -> UUID:
    """A dock is one robot's home; other places are as many robots' as one likes."""
    home = "DOCK-1" if name == "luna1" else "RETURN-1"
    robot = Registration(name, f"/{name}", url, home, token)
    with transaction(sessions) as session:
        load_floor(session, FLOOR)
        register(session, robot, key=settings.encryption_key, allowed_hosts=settings.bridge_hosts)
        return session.scalars(select(Robot.id).where(Robot.robot_name == name)).one()


def _librarian(api: Api, runtime: Runtime) -> str:
    token = People(api.http, runtime).make(Role.LIBRARIAN).api.token
    assert token is not None
    return token
