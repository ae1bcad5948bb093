"""`./luna ros` against a node that has one of everything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import rclpy
import yaml
from luna_interfaces.action import NavigateToWaypoint
from luna_interfaces.msg import Waypoint
from luna_interfaces.srv import SetPaused
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, Header

from luna_ros_cli.__main__ import main
from luna_ros_cli.session import Session
from tests.domains import Domain

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SET_PAUSED = "luna_interfaces/srv/SetPaused"
NAVIGATE = "luna_interfaces/action/NavigateToWaypoint"


class Peer:
    """`/luna1/desk`: a latched and a frequent topic, a service, an action that can be cancelled, parameters."""

    def __init__(self) -> None:
        self.heard: list[Header] = []
        self.cancelled = 0
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = node = rclpy.create_node("desk", namespace="/luna1", context=self.context)
        waypoint = Waypoint(location_code="DESK-1", name="Ausleihe Süd")
        waypoint.pose.position.x = 1.5
        self._latched = node.create_publisher(Waypoint, "place", LATCHED)
        self._latched.publish(waypoint)
        self._lock = node.create_publisher(Bool, "lock", 10)
        node.create_timer(0.05, lambda: self._lock.publish(Bool(data=True)))
        node.create_subscription(Header, "headers", self.heard.append, 10)
        node.create_service(SetPaused, "set_paused", self._on_pause)
        self._action = ActionServer(
            node, NavigateToWaypoint, "navigate", self._drive, cancel_callback=self._on_cancel
        )
        span = FloatingPointRange(from_value=0.1, to_value=2.0)
        described = ParameterDescriptor(description="how fast, m/s", floating_point_range=[span])
        node.declare_parameter("speed", 0.5, described)
        node.declare_parameter("places", ["DESK-1"])
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _on_pause(self, request: SetPaused.Request, response: SetPaused.Response) -> SetPaused.Response:
        response.message = f"{request.by}: {request.paused}"
        return response

    def _on_cancel(self, _: ServerGoalHandle) -> CancelResponse:
        self.cancelled += 1
        return CancelResponse.ACCEPT

    async def _drive(self, goal: ServerGoalHandle) -> NavigateToWaypoint.Result:
        """To DESK-1 at once; to anywhere else never."""
        over, told = rclpy.Future(executor=self._executor), []

        def tick() -> None:
            if self.node.count_subscribers("/luna1/navigate/_action/feedback"):
                goal.publish_feedback(NavigateToWaypoint.Feedback(distance_remaining=2.5))
                told.append(True)
            if goal.is_cancel_requested or (goal.request.waypoint == "DESK-1" and len(told) > 10):
                over.set_result(True)

        timer = self.node.create_timer(0.02, tick)
        await over
        self.node.destroy_timer(timer)
        (goal.canceled if goal.is_cancel_requested else goal.succeed)()
        return NavigateToWaypoint.Result(message="there")

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def close(self) -> None:
        self._executor.shutdown()
        rclpy.shutdown(context=self.context)
        self._thread.join(5.0)


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    domain = Domain()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(domain.number))
        one = Peer()
        try:
            yield one
        finally:
            one.close()
            domain.close()


Luna = Callable[..., str]


@pytest.fixture(scope="module")
def session(peer: Peer) -> Iterator[Session]:
    """One for all commands, which has found the peer: each of its own takes seconds for that."""
    with Session(quiet=0.2) as one:
        one.types_of("action", "/luna1/navigate")
        one.types_of("topic", "/luna1/place")
        yield one


@pytest.fixture
def luna(session: Session, capsys: pytest.CaptureFixture[str]) -> Luna:
    """Runs a command; what it says. It says it on standard error where it is expected to fail."""

    @contextmanager
    def opened(robot: str, patience: float) -> Iterator[Session]:
        session.robot, session.patience = robot, patience
        yield session

    def run(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        found = main(words, opened)
        said = capsys.readouterr()
        assert found == code, said
        return said.err if code else said.out

    return run


def test_topics(luna: Luna, peer: Peer) -> None:
    listed = luna("topic", "list", "-t").splitlines()
    assert "/luna1/place [luna_interfaces/msg/Waypoint]" in listed
    assert not [line for line in listed if "/_" in line]

    shown = luna("topic", "echo", "/luna1/place", "--once")
    assert yaml.safe_load(shown.removesuffix("---\n"))["pose"]["position"] == {"x": 1.5, "y": 0.0, "z": 0.0}
    assert "name: Ausleihe Süd\n" in shown
    assert luna("--robot", "luna1", "topic", "echo", "lock", "--field", "data", "-n", "2") == "True\n---\n" * 2
    # One look, and where nothing was heard so soon a longer one.
    assert any("average rate: " in luna("topic", "hz", "/luna1/lock", "-n", looks) for looks in ("1", "10"))
    told = luna("topic", "info", "/luna1/headers")
    assert told == "Type: std_msgs/msg/Header\n\nPublisher count: 0\nSubscription count: 1\n"

    # A subscriber may take seconds to know of a publisher, and drops what it is told before.
    end = time.monotonic() + 20.0
    while not peer.heard and time.monotonic() < end:
        said = luna("topic", "pub", "--once", "/luna1/headers", "std_msgs/msg/Header", "{stamp: now, frame_id: 7}")
        assert said.count("publishing #") == 1
    assert {(header.frame_id, header.stamp.sec > 0) for header in peer.heard} == {("7", True)}


def test_nodes_and_services(luna: Luna) -> None:
    assert "/luna1/desk" in luna("node", "list").splitlines()
    told = luna("node", "info", "/luna1/desk")
    assert "    /luna1/place: luna_interfaces/msg/Waypoint\n" in told
    assert "  Action Servers:\n    /luna1/navigate: luna_interfaces/action/NavigateToWaypoint\n" in told
    assert f"/luna1/set_paused [{SET_PAUSED}]" in luna("service", "list", "-t")
    assert luna("service", "type", "/luna1/set_paused") == f"{SET_PAUSED}\n"
    answer = luna("service", "call", "/luna1/set_paused", SET_PAUSED, "{paused: true, by: Ada}")
    assert "message='Ada: True'" in answer.partition("response:\n")[2]


def test_actions(luna: Luna, peer: Peer) -> None:
    assert f"/luna1/navigate [{NAVIGATE}]" in luna("action", "list", "-t").splitlines()
    assert luna("action", "info", "/luna1/navigate").endswith("Action servers: 1\n    /luna1/desk\n")
    told = luna("action", "send_goal", "/luna1/navigate", NAVIGATE, "{waypoint: DESK-1}", "--feedback")
    assert "Feedback:\n" in told and "    distance_remaining: 2.5\n" in told
    assert told.endswith("Goal finished with status: SUCCEEDED\n")

    refusal = luna("action", "send_goal", "/luna1/navigate", NAVIGATE, "{waypoint: MOON}", "-t", "0.2", code=1)
    assert "no answer within 0.2 s" in refusal
    assert peer.cancelled == 1


def test_parameters(luna: Luna) -> None:
    assert "  speed\n" in luna("param", "list", "/luna1/desk")
    assert luna("param", "get", "/luna1/desk", "speed") == "Double value is: 0.5\n"
    assert luna("param", "set", "/luna1/desk", "speed", "1") == "Set parameter successful\n"
    assert luna("param", "set", "/luna1/desk", "speed", "3.0", code=1).startswith("Setting parameter failed: ")
    assert "    Min value: 0.1\n    Max value: 2.0\n" in luna("param", "describe", "/luna1/desk", "speed")
    dumped = yaml.safe_load(luna("param", "dump", "/luna1/desk"))["/luna1/desk"]["ros__parameters"]
    assert (dumped["speed"], dumped["places"]) == (1.0, ["DESK-1"])
    assert luna("param", "get", "/luna1/desk", "spede", code=1).endswith("near it: speed.\n")


def test_what_is_not_there_is_told_in_time_with_what_is_near(luna: Luna) -> None:
    short = ("--wait", "0.2")
    assert luna(*short, "topic", "echo", "/luna1/plaec", code=1).startswith(
        "There is no topic /luna1/plaec; near it: /luna1/place"
    )
    assert "near it: /luna1/set_paused" in luna(*short, "service", "type", "/luna2/set_paused", code=1)
    assert "near it: /luna1/desk" in luna(*short, "node", "info", "/luna1/dask", code=1)
    assert "near it: paused" in luna("service", "call", "/luna1/set_paused", SET_PAUSED, "{pause: true}", code=1)
    assert "near it: luna_interfaces/srv/SetPaused" in luna(
        "service", "call", "/luna1/set_paused", "luna_interfaces/srv/SetPause", code=1
    )
    assert "0 of 1 subscribers" in luna(*short, "topic", "pub", "-1", "/luna1/nobody", "std_msgs/msg/Bool", code=1)
    assert "near it: reset_epoch" in luna("run", "luna_robot", "reset_epoc", code=1)
    assert "near it: pose" in luna("topic", "echo", "/luna1/place", "--once", "--field", "pos", code=1)


def test_interfaces(luna: Luna) -> None:
    listed = luna("interface", "list", "-m")
    assert "    luna_interfaces/msg/RobotStatus\n" in listed
    assert "srv" not in listed
    shown = luna("interface", "show", "luna_interfaces/msg/Waypoint", "--no-comments").splitlines()
    assert shown[:2] == ["string location_code", "string name"]
    assert shown[2:5] == ["geometry_msgs/Pose pose", "\tPoint position", "\t\tfloat64 x"]
    assert "---" in luna("interface", "show", SET_PAUSED)
