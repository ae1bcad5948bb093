"""A real simulator process, and a ROS node that talks to it as LUNA's robot does."""

import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import Bool

from luna_floor.files import read_waypoints
from luna_floor.model import Waypoint
from tests.domains import Domain

ROOT = Path(__file__).parents[3]
FLOOR = ROOT / "sim" / "maps" / "library"
# Test runs on the same machine, and workers of one run, must not hear each other.
HELD = Domain()
DOMAIN = str(HELD.number)
SPEED = 5.0
ENDS_WITHIN = 30.0
QUEUED = 10
"""Messages of a topic that wait here at most."""


class SimulatorProcess:
    """`python -m luna_sim`, started and ended as the embedded run does it."""

    def __init__(
        self,
        state_dir: Path,
        robots: str = "luna1",
        speed: float = SPEED,
        people: int = 0,
        more: Sequence[str] = (),
    ) -> None:
        self.state_dir = state_dir
        arguments = ["--floor", str(FLOOR), "--robots", robots, "--speed", str(speed), "--state-dir", str(state_dir)]
        arguments += ["--people", str(people), *more]
        address = str(state_dir / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(address)
            listener.settimeout(30)
            environment = {**os.environ, "NOTIFY_SOCKET": address, "ROS_DOMAIN_ID": DOMAIN}
            self.process = subprocess.Popen([sys.executable, "-m", "luna_sim", *arguments], env=environment)
            try:
                self.told = listener.recv(1000)
            except TimeoutError:
                self.kill()
                raise
        Path(address).unlink()

    def stop(self) -> int:
        """End it with SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(ENDS_WITHIN)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(ENDS_WITHIN)


@dataclass
class Heard:
    """What a topic said: when it came (steady clock, seconds) and the message."""

    messages: list[tuple[float, Any]] = field(default_factory=list)

    @property
    def last(self) -> Any:
        return self.messages[-1][1] if self.messages else None

    def __call__(self, message: Any) -> None:
        self.messages.append((time.monotonic(), message))


class Client:
    """A node with helpers that wait for conditions, each with a deadline."""

    def __init__(self, robot: str = "luna1") -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=int(DOMAIN))
        self.robot = robot
        self.node = Node("test_client", namespace=robot, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._estop = self.node.create_publisher(Bool, "estop", 1)
        self._keeping: Any = None
        self.said_at = 0.0
        """When the lock was told last (steady clock, seconds)."""
        self._clients: dict[str, ActionClient] = {}
        self.odom = self.listen(Odometry, "odom")

    def listen(self, kind: Any, topic: str, qos: Any = QUEUED) -> Heard:
        heard = Heard()
        self.node.create_subscription(kind, topic, heard, qos)
        return heard

    def keep_unlocked(self) -> None:
        """Say at 10 Hz that nothing is locked, as the safety supervisor does."""
        self._keeping = self.node.create_timer(0.1, lambda: self.say_estop(False))

    def fall_silent(self) -> None:
        self.node.destroy_timer(self._keeping)

    def say_estop(self, engaged: bool) -> None:
        self.said_at = time.monotonic()
        self._estop.publish(Bool(data=engaged))

    def until(self, condition: Callable[[], Any], seconds: float = 20.0, why: str = "the condition") -> None:
        """Spin until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{why} did not come true within {seconds:g} s"
            self._executor.spin_once(timeout_sec=0.05)

    def for_(self, seconds: float) -> None:
        """Spin for a while, to hear what comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.02)

    def until_quiet(self, heard: Heard, why: str, seconds: float = 0.5) -> None:
        """Spin until a topic has said nothing for a while; what it said before may still be on its way."""

        def quiet() -> bool:
            before = len(heard.messages)
            self.for_(seconds)
            return len(heard.messages) == before

        self.until(quiet, why=why)

    def result_of(self, future: Future, seconds: float = 20.0) -> Any:
        self.until(future.done, seconds, "the answer")
        return future.result()

    def send(self, action: Any, name: str, goal: Any, feedback: Heard | None = None) -> ClientGoalHandle:
        """Send a goal and wait until it is accepted."""
        client = self._clients.setdefault(name, ActionClient(self.node, action, name))
        self.until(client.server_is_ready, 20, f"{name}'s server")
        handle = self.result_of(client.send_goal_async(goal, feedback_callback=feedback))
        assert handle.accepted
        return handle

    def call(self, kind: Any, name: str, request: Any) -> Any:
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready, 20, f"{name}'s server")
        return self.result_of(client.call_async(request))

    def moving(self) -> bool:
        return self.odom.last is not None and self.odom.last.twist.twist.linear.x > 0.1

    def moving_all_along(self) -> bool:
        """Moving in more messages than wait in a queue, none of them so late that silence may have locked it before."""
        last = self.odom.messages[-QUEUED - 2 :]
        late = any(after - before > 0.4 for (before, _), (after, _) in pairwise(last))
        return len(last) > QUEUED and not late and all(m.twist.twist.linear.x > 0.1 for _, m in last)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)


@pytest.fixture(scope="session")
def waypoints() -> dict[str, Waypoint]:
    return {w.code: w for w in read_waypoints(FLOOR / "waypoints.yaml").waypoints}


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimulatorProcess]:
    process = SimulatorProcess(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def client(simulator: SimulatorProcess) -> Iterator[Client]:
    one = Client()
    one.until(lambda: one.odom.last, why="odom")
    yield one
    one.close()


def pose_at(waypoint: Waypoint, frame: str = "map") -> PoseStamped:
    message = PoseStamped()
    message.header.frame_id = frame
    message.pose.position.x, message.pose.position.y = waypoint.x, waypoint.y
    message.pose.orientation.z, message.pose.orientation.w = math.sin(waypoint.yaw / 2), math.cos(waypoint.yaw / 2)
    return message
