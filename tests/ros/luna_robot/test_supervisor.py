"""The supervisor before a base and nodes that this file plays: what it hears, and what it tells the base."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import rclpy
from geometry_msgs.msg import PoseWithCovarianceStamped, Twist, TwistStamped
from irobot_create_msgs.action import Undock
from irobot_create_msgs.msg import HazardDetectionVector, KidnapStatus
from irobot_create_msgs.srv import EStop
from luna_interfaces.msg import NodeHeartbeat, SafetyState
from luna_interfaces.srv import SetEmergencyStop
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient, ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import ClockType
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import Bool

from luna_executor import LeanExecutor
from luna_robot import conversions, onboard
from luna_robot.geometry import Pose
from luna_robot.nodes import latch_keeper
from luna_robot.nodes.base import Base
from luna_robot.nodes.common import LATCHED
from luna_robot.nodes.safety_supervisor import SafetySupervisor
from luna_robot.parameters import ONBOARD, WrongParameter
from luna_robot.safety.latch import load_latch, save_latch
from tests.domains import Domain

HERE = Pose(6.8, 7.2, 1.0)


class Disk:
    """The latch's disk, which stalls while it is held."""

    def __init__(self) -> None:
        self._free = Event()
        self._free.set()

    def save(self, *latch: Any) -> None:
        assert self._free.wait(20.0)
        save_latch(*latch)

    def hold(self) -> None:
        self._free.clear()

    def let_go(self) -> None:
        self._free.set()


class Robot(Node):
    """Base, localisation, onboard nodes and clients of the supervisor, all sound until a test has it otherwise."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        super().__init__("robot")
        self.disk, self.folder = disk, folder
        self.odometry_tells = True
        self.state = SafetyState()
        self.zeroes: list[float] = []
        self.locks: list[bool] = []
        self.undocking = Future()
        self.cancelled_at = 0.0
        self.spinning = LeanExecutor()
        self._odometry = self.create_publisher(Odometry, "odom", 10)
        self._beats = self.create_publisher(NodeHeartbeat, "node_heartbeat", 10)
        self._hazards = self.create_publisher(HazardDetectionVector, "hazard_detection", 10)
        self._hands = self.create_publisher(KidnapStatus, "kidnap_status", 10)
        self._given = self.create_publisher(PoseWithCovarianceStamped, "initialpose", 10)
        self._estimates = self.create_publisher(PoseWithCovarianceStamped, "amcl_pose", LATCHED)
        self.create_subscription(SafetyState, "safety_state", self._on_state, LATCHED)
        self.create_subscription(Bool, "estop", lambda message: self.locks.append(message.data), 10)
        self.create_subscription(TwistStamped, "cmd_vel", lambda _: self.zeroes.append(time.monotonic()), 100)
        self._stops = self.create_client(SetEmergencyStop, "set_emergency_stop")
        group = ReentrantCallbackGroup()
        self._server = ActionServer(
            self, Undock, "undock", self._undock, cancel_callback=self._on_cancel, callback_group=group
        )
        self._undock_client = ActionClient(self, Undock, "undock")
        self.create_timer(0.1, self._tell)

    def begin(self, supervisor: SafetySupervisor) -> None:
        for node in (self, supervisor):
            self.spinning.add_node(node)

    def end(self) -> None:
        self.disk.let_go()
        self.spinning.shutdown()

    def until(self, condition: Callable[[], Any], within: float = 10.0, what: str = "") -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, f"{what or condition}: {self.state}"
            self.spinning.spin_once(timeout_sec=0.05)

    def until_free(self) -> None:
        self.until(lambda: self.locks and not self.state.motion_locked and not self.state.faults, what="free")

    def pass_time(self, locks: int = 4) -> None:
        """Tenths of a second, as the supervisor's signs of life count them."""
        heard = len(self.locks)
        self.until(lambda: len(self.locks) > heard + locks, what="signs of life")

    def codes(self) -> list[str]:
        return [fault.code for fault in self.state.faults]

    def ask(self, engage: bool, estop_id: str) -> Future:
        return self._stops.call_async(SetEmergencyStop.Request(engage=engage, estop_id=estop_id, by="test"))

    def answer(self, call: Future) -> SetEmergencyStop.Response:
        self.until(call.done, what="an answer")
        return call.result()

    def lift(self, lifted: bool) -> None:
        self._hands.publish(KidnapStatus(is_kidnapped=lifted))

    def give(self, pose: Pose, frame: str) -> None:
        self._given.publish(located(pose, frame))

    def estimate(self, pose: Pose) -> None:
        self._estimates.publish(located(pose, "map"))

    def undock(self) -> None:
        self.until(self._undock_client.server_is_ready, what="the base's undocking")
        sent = self._undock_client.send_goal_async(Undock.Goal())
        self.until(sent.done, what="the base undocks")

    async def _undock(self, handle: ServerGoalHandle) -> Undock.Result:
        await self.undocking
        handle.canceled()
        return Undock.Result()

    def _on_cancel(self, _: ServerGoalHandle) -> CancelResponse:
        self.cancelled_at = time.monotonic()
        if not self.undocking.done():
            self.undocking.set_result(None)
        return CancelResponse.ACCEPT

    def _on_state(self, message: SafetyState) -> None:
        self.state = message

    def _tell(self) -> None:
        if self.odometry_tells:
            self._odometry.publish(Odometry())
        for node in ONBOARD:
            self._beats.publish(NodeHeartbeat(node=node, moving_allowed=not self.state.estopped))


def located(pose: Pose, frame: str) -> PoseWithCovarianceStamped:
    message = PoseWithCovarianceStamped()
    message.header.frame_id, message.pose.pose = frame, conversions.pose_msg(pose)
    return message


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    """With a supervisor that has found it sound."""
    folder, disk = tmp_path_factory.mktemp("supervisor"), Disk()
    with closing(Domain()) as domain, pytest.MonkeyPatch.context() as patch:
        patch.setattr(latch_keeper, "save_latch", disk.save)
        rclpy.init(args=["--ros-args", "-p", f"state_dir:={folder}"], domain_id=domain.number)
        supervisor, robot = SafetySupervisor(), Robot(disk, folder)
        robot.begin(supervisor)
        robot.until_free()
        yield robot
        robot.end()
        supervisor.close()
        for node in (supervisor, robot):
            node.destroy_node()
        rclpy.shutdown()


def test_no_clock_that_anyone_sets_holds_up_a_node(robot: Robot):
    """A clock that NTP sets back an hour would keep the timers of a node that follows it from running for an hour."""
    nodes, closable = onboard.build()
    supervisor = next(node for node in robot.spinning.get_nodes() if node is not robot)
    try:
        clocks = {timer.clock.clock_type for node in (*nodes, supervisor) for timer in node.timers}
        assert clocks == {ClockType.STEADY_TIME}
    finally:
        closable.close()
        for node in nodes:
            node.destroy_node()


def test_a_second_one_on_the_same_robot_does_not_start(robot: Robot):
    """It would say that the robot may drive while the first one stops it."""
    with pytest.raises(WrongParameter, match=r"state_dir: another safety supervisor runs: .* is in use"):
        SafetySupervisor()


def test_without_odometry_it_locks_says_zero_again_and_again_and_calls_off_what_the_base_drives(robot: Robot):
    robot.until_free()
    robot.undock()
    robot.zeroes.clear()
    robot.odometry_tells = False
    try:
        robot.until(lambda: robot.state.motion_locked and "ODOM_UNHEARD" in robot.codes(), what="ODOM_UNHEARD")
        locked_at = time.monotonic()
        robot.until(lambda: robot.cancelled_at > 0.0, what="the base's own driving is cancelled")
        robot.until(lambda: len(robot.zeroes) > 2, what="more zeroes than the two around the lock")
        robot.until(lambda: time.monotonic() - locked_at > 1.5, what="the first second is over")
        robot.pass_time()
        told = len(robot.zeroes)
        robot.pass_time()
        assert len(robot.zeroes) == told
    finally:
        robot.odometry_tells = True
    robot.until_free()


def test_moved_by_hand_it_waits_for_a_pose_that_localisation_takes(robot: Robot):
    robot.estimate(HERE)
    robot.lift(True)
    robot.until(lambda: "KIDNAPPED" in robot.codes(), what="KIDNAPPED")
    robot.lift(False)
    for say in (
        lambda: robot.give(HERE, "odom"),
        lambda: robot.estimate(Pose(20.0, 3.0, 0.0)),
        lambda: robot.give(HERE, "map"),
    ):
        say()
        robot.pass_time()
        assert "KIDNAPPED" in robot.codes()
    robot.estimate(Pose(HERE.x + 0.2, HERE.y, HERE.yaw))
    robot.until_free()


def test_while_the_disk_stalls_it_goes_on_to_watch_and_no_stop_gets_lost(robot: Robot):
    robot.disk.hold()
    first = robot.ask(True, "first")
    robot.until(lambda: robot.state.estop_id == "first", what="the first stop")
    second = robot.ask(True, "second")
    robot.until(lambda: robot.state.estop_id == "second", what="the second stop")
    robot.pass_time()
    assert not first.done() and not second.done()
    robot.disk.let_go()
    assert [robot.answer(call).verdict for call in (first, second)] == [0, 0]

    robot.disk.hold()
    freed = robot.ask(False, "second")
    robot.pass_time()
    again = robot.ask(True, "second")
    robot.pass_time()
    robot.disk.let_go()
    answer = robot.answer(freed)
    assert (answer.verdict, "engaged again" in answer.message) == (2, True)
    assert robot.answer(again).verdict == 0

    both = [robot.ask(False, name) for name in ("first", "second", "second")]
    assert [robot.answer(call).verdict for call in both] == [0, 0, 1]
    robot.until_free()
    assert load_latch(robot.folder / "safety.json", 1).stops == ()


def test_a_base_that_takes_plain_twists_is_told_so_and_a_mute_one_is_owed_one_answer(robot: Robot):
    heard: list[Twist] = []
    base_node, never = Node("base", namespace="/other"), Future()

    async def mute(_: EStop.Request, response: EStop.Response) -> EStop.Response:
        await never
        return response

    base_node.create_subscription(Twist, "cmd_vel", heard.append, 10)
    base_node.create_service(EStop, "e_stop", mute, callback_group=ReentrantCallbackGroup())
    told = Node("told", namespace="/other")
    for node in (base_node, told):
        robot.spinning.add_node(node)
    base = Base(told, stamped=False, power_taken=False, on_power=lambda: None)
    (e_stop, *_) = told.clients
    robot.until(e_stop.service_is_ready, what="the base's stop")
    until_heard = time.monotonic() + 10.0
    while not heard:
        base.stand()
        robot.spinning.spin_once(timeout_sec=0.05)
        assert time.monotonic() < until_heard
    began = time.monotonic()

    def ordered_twice() -> bool:
        base.switch_power(cut=True)
        return time.monotonic() - began > 2.2

    robot.until(ordered_twice, what="two orders")
    with pytest.raises(KeyError):
        e_stop.get_pending_request(1)
    assert e_stop.get_pending_request(2)
    for node in (base_node, told):
        robot.spinning.remove_node(node)
        node.destroy_node()
