"""The simulator as LUNA's nodes meet it: a process of its own, over real DDS."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import PoseWithCovarianceStamped, TwistStamped
from irobot_create_msgs.msg import DockStatus, HazardDetectionVector, KidnapStatus
from irobot_create_msgs.srv import EStop
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from nav2_msgs.action import (
    ComputePathToPose,
    DockRobot,
    FollowWaypoints,
    NavigateThroughPoses,
    NavigateToPose,
    UndockRobot,
)
from nav2_msgs.srv import ClearEntireCostmap
from nav_msgs.msg import OccupancyGrid
from nav_msgs.msg import Path as PathMsg
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import BatteryState, LaserScan
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from luna_floor.model import Waypoint

from .conftest import SPEED, Client, Heard, SimulatorProcess, pose_at

LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
GRIDS = ("keepout_mask", "global_costmap/costmap", "local_costmap/costmap")
Places = dict[str, Waypoint]


def navigate(client: Client, waypoint: Waypoint, feedback: Heard | None = None) -> object:
    return client.send(NavigateToPose, "navigate_to_pose", NavigateToPose.Goal(pose=pose_at(waypoint)), feedback)


class TestAtRest:
    """What needs no motion: one process for all."""

    @pytest.fixture(scope="class")
    @classmethod
    def simulator(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
        process = SimulatorProcess(tmp_path_factory.mktemp("at-rest"))
        yield process
        process.kill()

    def test_a_still_robot_says_where_and_how_it_is(
        self, simulator: SimulatorProcess, client: Client, waypoints: Places
    ) -> None:
        assert simulator.told.startswith(b"READY=1")
        heard = {
            "map": client.listen(OccupancyGrid, "map", LATCHED),
            "amcl_pose": client.listen(PoseWithCovarianceStamped, "amcl_pose", LATCHED),
            "tf": client.listen(TFMessage, "tf"),
            "tf_static": client.listen(TFMessage, "tf_static", LATCHED),
            "battery_state": client.listen(BatteryState, "battery_state"),
            "dock_status": client.listen(DockStatus, "dock_status"),
            "hazard_detection": client.listen(HazardDetectionVector, "hazard_detection"),
            "kidnap_status": client.listen(KidnapStatus, "kidnap_status"),
            "/clock": client.listen(Clock, "/clock"),
        }
        scan = client.listen(LaserScan, "scan")
        looks = client.listen(String, "robot_description", LATCHED)
        masks = [client.listen(OccupancyGrid, name, LATCHED) for name in GRIDS]
        client.until(lambda: all(h.last is not None for h in heard.values()), why="every topic")
        grid, dock = heard["map"].last, waypoints["DOCK-1"]
        assert (grid.info.width, grid.info.height, len(grid.data)) == (800, 500, 400_000)
        assert set(grid.data) == {-1, 0, 100}
        at = heard["amcl_pose"].last.pose.pose.position
        assert (at.x, at.y) == pytest.approx((dock.x, dock.y), abs=0.05)
        assert heard["battery_state"].last.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_CHARGING
        assert 0.8 < heard["battery_state"].last.percentage <= 1.0
        assert heard["dock_status"].last.is_docked and heard["dock_status"].last.dock_visible
        assert list(heard["hazard_detection"].last.detections) == []
        assert not heard["kidnap_status"].last.is_kidnapped
        frames = [(t.header.frame_id, t.child_frame_id) for t in heard["tf"].last.transforms]
        assert frames == [("map", "odom"), ("odom", "base_link")]
        client.until(lambda: looks.last and all(m.last for m in masks), why="looks and costmaps")
        assert scan.last is None, "a docked TurtleBot 4 saves power"
        assert 'name="rplidar_link"' in looks.last.data
        assert "rplidar_link" in [t.child_frame_id for t in heard["tf_static"].last.transforms]
        shapes = [(m.last.header.frame_id, m.last.info.width, m.last.info.height) for m in masks]
        assert shapes == [("map", 800, 500), ("map", 800, 500), ("odom", 60, 60)]
        assert set(masks[2].last.data) <= {0, 100}, "no lidar, no obstacles"

    def test_the_clock_runs_at_the_factor(self, client: Client) -> None:
        """In one of several measurements: what this process hears late looks fast or slow."""
        clock = client.listen(Clock, "/clock")

        def factor() -> float:
            heard = len(clock.messages)
            client.until(lambda: len(clock.messages) > heard, why="the clock")
            began, first = clock.messages[heard]
            client.until(lambda: stamp(clock.last) - stamp(first) > 10.0, 60, "ten seconds of the simulation")
            ended, last = clock.messages[-1]
            return (stamp(last) - stamp(first)) / (ended - began)

        # A loaded machine may fall behind, but never runs ahead.
        assert any(SPEED * 0.4 < factor() < SPEED * 1.15 for _ in range(5))

    @pytest.mark.parametrize(
        ("x", "y", "frame", "code"),
        [
            (10.9, 5.0, "map", ComputePathToPose.Result.GOAL_OCCUPIED),
            (99.0, 5.0, "map", ComputePathToPose.Result.GOAL_OUTSIDE_MAP),
            (math.nan, 5.0, "map", ComputePathToPose.Result.GOAL_OUTSIDE_MAP),
            (6.8, 7.2, "moon", 0),
            (6.8, 7.2, "", 0),
        ],
    )
    def test_a_goal_out_of_reach_is_aborted_with_the_planners_code_if_it_comes_to_planning(
        self, client: Client, x: float, y: float, frame: str, code: int
    ) -> None:
        goal = NavigateToPose.Goal()
        goal.pose.header.frame_id = frame
        goal.pose.pose.position.x, goal.pose.pose.position.y = x, y
        answer = client.result_of(client.send(NavigateToPose, "navigate_to_pose", goal).get_result_async())
        assert answer.status == GoalStatus.STATUS_ABORTED
        assert answer.result.error_code == code and answer.result.error_msg

    def test_a_path_is_computed_without_driving_it(self, client: Client, waypoints: Places) -> None:
        goal = ComputePathToPose.Goal(goal=pose_at(waypoints["STUDY-12"]))
        answer = client.result_of(client.send(ComputePathToPose, "compute_path_to_pose", goal).get_result_async())
        poses = answer.result.path.poses
        assert answer.status == GoalStatus.STATUS_SUCCEEDED and len(poses) > 100
        end = poses[-1].pose.position
        assert (end.x, end.y) == pytest.approx((waypoints["STUDY-12"].x, waypoints["STUDY-12"].y))
        assert answer.result.planning_time.nanosec > 0
        there, away = pose_at(waypoints["STUDY-12"]), pose_at(waypoints["STUDY-12"])
        away.pose.position.x = 99.0
        codes = ComputePathToPose.Result
        for wrong, code in (
            (ComputePathToPose.Goal(goal=away), codes.GOAL_OUTSIDE_MAP),
            (ComputePathToPose.Goal(goal=pose_at(waypoints["STUDY-12"], frame="odom")), codes.TF_ERROR),
            (ComputePathToPose.Goal(goal=there, use_start=True), codes.TF_ERROR),
            (ComputePathToPose.Goal(goal=there, planner_id="Smac"), codes.INVALID_PLANNER),
        ):
            answer = client.result_of(client.send(ComputePathToPose, "compute_path_to_pose", wrong).get_result_async())
            assert answer.status == GoalStatus.STATUS_ABORTED and not answer.result.path.poses
            assert answer.result.error_code == code and answer.result.error_msg

    def test_costmaps_can_be_cleared(self, client: Client) -> None:
        for costmap in ("global_costmap", "local_costmap"):
            name = f"{costmap}/clear_entirely_{costmap}"
            assert client.call(ClearEntireCostmap, name, ClearEntireCostmap.Request()) is not None

    def test_who_asks_nav2s_nodes_is_told_that_they_are_active(self, client: Client) -> None:
        for server in ("amcl", "bt_navigator"):
            state = client.call(GetState, f"{server}/get_state", GetState.Request()).current_state
            assert (state.id, state.label) == (State.PRIMARY_STATE_ACTIVE, "active")

    def test_a_dock_that_nobody_knows(self, client: Client, waypoints: Places) -> None:
        adrift = pose_at(waypoints["DOCK-3"], frame="odom")
        for goal, code in (
            (DockRobot.Goal(use_dock_id=True, dock_id="DOCK-99"), DockRobot.Result.DOCK_NOT_IN_DB),
            (DockRobot.Goal(use_dock_id=False, dock_pose=adrift), DockRobot.Result.UNKNOWN),
        ):
            answer = client.result_of(client.send(DockRobot, "dock_robot", goal).get_result_async())
            assert answer.status == GoalStatus.STATUS_ABORTED and not answer.result.success
            assert answer.result.error_code == code


class TestNavigation:
    def test_a_goal_is_driven_to_its_end_with_feedback(self, client: Client, waypoints: Places) -> None:
        client.keep_unlocked()
        feedback, amcl = Heard(), client.listen(PoseWithCovarianceStamped, "amcl_pose", LATCHED)
        scan = client.listen(LaserScan, "scan", qos_profile_sensor_data)
        plan = client.listen(PathMsg, "plan")
        goal = waypoints["DESK-1"]
        answer = client.result_of(navigate(client, goal, feedback).get_result_async(), 60)
        assert answer.status == GoalStatus.STATUS_SUCCEEDED and answer.result.error_code == 0
        left = [m.feedback.distance_remaining for _, m in feedback.messages]
        assert len(left) > 10 and left[0] > 5 and left[-1] < 0.5
        assert feedback.messages[len(left) // 2][1].feedback.estimated_time_remaining.sec > 0
        # As AMCL it speaks every 0.25 m or 0.2 rad, and no more once the robot stands.
        client.until(lambda: math.dist(xy(amcl.last), (goal.x, goal.y)) < 0.35, why="amcl_pose at the goal")
        seen = scan.last
        assert (seen.header.frame_id, len(seen.ranges), seen.range_max) == ("rplidar_link", 640, 12.0)
        assert seen.angle_max == pytest.approx(math.pi - seen.angle_increment)
        assert 0.1 < min(seen.ranges) < 12.0
        end = plan.last.poses[-1].pose.position
        assert plan.last.header.frame_id == "map" and math.dist((end.x, end.y), (goal.x, goal.y)) < 0.1
        client.until_quiet(amcl, "no more of amcl_pose")

    def test_a_cancelled_goal_ends_canceled_and_the_robot_stands(self, client: Client, waypoints: Places) -> None:
        client.keep_unlocked()
        handle = navigate(client, waypoints["STUDY-7"])
        client.until(client.moving, why="driving")
        client.result_of(handle.cancel_goal_async())
        answer = client.result_of(handle.get_result_async())
        assert answer.status == GoalStatus.STATUS_CANCELED
        client.until(lambda: client.odom.last.twist.twist.linear.x == 0.0, why="standing")

    def test_a_new_goal_takes_over_and_the_old_one_is_aborted_without_a_code(
        self, client: Client, waypoints: Places
    ) -> None:
        client.keep_unlocked()
        amcl = client.listen(PoseWithCovarianceStamped, "amcl_pose", LATCHED)
        first = navigate(client, waypoints["STUDY-7"])
        client.until(client.moving, why="driving")
        second = navigate(client, waypoints["NEW-BOOKS"])
        old = client.result_of(first.get_result_async())
        assert old.status == GoalStatus.STATUS_ABORTED and old.result.error_code == 0
        # As Nav2's: who asks for a place in a frame that is not there ends the goal before, and gets its place.
        goal = NavigateToPose.Goal(pose=pose_at(waypoints["DESK-1"], frame="moon"))
        third = client.send(NavigateToPose, "navigate_to_pose", goal)
        assert client.result_of(second.get_result_async()).status == GoalStatus.STATUS_ABORTED
        # Those of others that can't begin change nothing.
        goal = NavigateThroughPoses.Goal(poses=[pose_at(waypoints["DESK-1"], frame="moon")])
        wrong = client.send(NavigateThroughPoses, "navigate_through_poses", goal)
        refused = client.result_of(wrong.get_result_async())
        assert (refused.status, refused.result.error_code) == (GoalStatus.STATUS_ABORTED, 0)
        assert client.result_of(third.get_result_async(), 60).status == GoalStatus.STATUS_SUCCEEDED
        place = waypoints["NEW-BOOKS"]
        client.until(lambda: math.dist(xy(amcl.last), (place.x, place.y)) < 0.1, why="amcl_pose at the place before")

    def test_several_poses_are_driven_through_and_stopped_at_and_each_journey_takes_over_from_the_one_before(
        self, client: Client, waypoints: Places
    ) -> None:
        client.keep_unlocked()
        poses = [pose_at(waypoints[code]) for code in ("CROSSING", "NEW-BOOKS", "DESK-1")]
        told = Heard()
        through = NavigateThroughPoses.Goal(poses=poses)
        first = client.send(NavigateThroughPoses, "navigate_through_poses", through, told)
        client.until(client.moving, why="driving")
        client.until(lambda: told.last, why="feedback")
        assert told.last.feedback.number_of_poses_remaining == 3 and told.last.feedback.distance_remaining > 20
        stops = [poses[1], pose_at(waypoints["DESK-1"], frame="moon"), poses[2]]
        told = Heard()
        second = client.send(FollowWaypoints, "follow_waypoints", FollowWaypoints.Goal(poses=stops), told)
        old = client.result_of(first.get_result_async())
        assert old.status == GoalStatus.STATUS_ABORTED and old.result.error_code == 0
        answer = client.result_of(second.get_result_async(), 60)
        assert answer.status == GoalStatus.STATUS_SUCCEEDED and answer.result.error_code == 0
        (missed,) = answer.result.missed_waypoints
        assert (missed.index, missed.error_code) == (1, ComputePathToPose.Result.TF_ERROR)
        assert missed.goal.header.frame_id == "moon"
        assert [m.feedback.current_waypoint for _, m in told.messages][-1] == 2
        none = client.send(NavigateThroughPoses, "navigate_through_poses", NavigateThroughPoses.Goal())
        assert client.result_of(none.get_result_async()).result.error_code == 309
        many = NavigateThroughPoses.Goal(poses=poses * 7)
        answer = client.result_of(client.send(NavigateThroughPoses, "navigate_through_poses", many).get_result_async())
        assert answer.result.error_code == 300 and "21 poses" in answer.result.error_msg


class TestDocking:
    def test_it_undocks_docks_elsewhere_and_charges(self, client: Client, waypoints: Places) -> None:
        client.keep_unlocked()
        status = client.listen(DockStatus, "dock_status")
        battery = client.listen(BatteryState, "battery_state")
        answer = client.result_of(client.send(UndockRobot, "undock_robot", UndockRobot.Goal()).get_result_async(), 30)
        assert answer.status == GoalStatus.STATUS_SUCCEEDED and answer.result.success
        client.until(lambda: not status.last.is_docked, why="undocked")
        client.until(
            lambda: battery.last.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_DISCHARGING, why="discharging"
        )
        goal = DockRobot.Goal(use_dock_id=True, dock_id="DOCK-3")
        answer = client.result_of(client.send(DockRobot, "dock_robot", goal).get_result_async(), 60)
        assert answer.status == GoalStatus.STATUS_SUCCEEDED and answer.result.success
        client.until(lambda: status.last.is_docked, why="docked")


class TestLocks:
    def test_before_the_estop_topic_was_heard_nothing_moves(self, client: Client, waypoints: Places) -> None:
        navigate(client, waypoints["DESK-1"])
        heard = len(client.odom.messages)
        client.until(lambda: len(client.odom.messages) > heard + 20, why="odom")
        assert not any(m.twist.twist.linear.x or m.twist.twist.angular.z for _, m in client.odom.messages)
        client.keep_unlocked()
        client.until(client.moving, why="driving once unlocked")

    def test_a_stop_is_seen_on_odom_at_once_and_lasts_until_released(self, client: Client, waypoints: Places) -> None:
        """At once in one of several stops: a busy machine delays what is told and heard. Each of them lasts."""
        client.keep_unlocked()
        handle = navigate(client, waypoints["STUDY-7"])

        def seen_after() -> float:
            client.until(client.moving_all_along, why="driving")
            client.fall_silent()
            heard = len(client.odom.messages)
            client.say_estop(True)
            client.until(lambda: any(still(m) for _, m in client.odom.messages[heard:]), why="standing")
            stopped = next(i for i, (_, m) in enumerate(client.odom.messages[heard:]) if still(m))
            client.until(lambda: len(client.odom.messages) > heard + 30, why="odom")
            assert all(still(m) for _, m in client.odom.messages[heard + stopped :])
            seen = client.odom.messages[heard + stopped][0] - client.said_at
            client.keep_unlocked()
            client.until(client.moving, why="the same goal going on")
            return seen

        assert any(seen_after() < 0.15 for _ in range(5))
        client.result_of(handle.cancel_goal_async())

    def test_silence_of_the_estop_topic_stops_it(self, client: Client, waypoints: Places) -> None:
        client.keep_unlocked()
        navigate(client, waypoints["STUDY-7"])
        client.until(client.moving_all_along, why="driving")
        client.fall_silent()
        client.until(lambda: still(client.odom.last), 10, why="standing")
        assert time.monotonic() - client.said_at > 0.5

    def test_the_bases_own_stop_holds_too(self, client: Client, waypoints: Places) -> None:
        client.keep_unlocked()
        navigate(client, waypoints["STUDY-7"])
        client.until(client.moving, why="driving")
        assert client.call(EStop, "e_stop", EStop.Request(e_stop_on=True)).success
        client.until(lambda: still(client.odom.last), why="standing")
        assert client.call(EStop, "e_stop", EStop.Request(e_stop_on=False)).success
        client.until(client.moving, why="driving on")


class TestVelocityCommands:
    def test_it_obeys_them_until_they_are_stale(self, client: Client) -> None:
        client.keep_unlocked()
        publisher = client.node.create_publisher(TwistStamped, "cmd_vel", 1)
        message = TwistStamped()
        # What is no number is dropped: it would be in the robot's pose for good.
        message.twist.linear.x = math.nan
        publisher.publish(message)
        message.twist.linear.x = 0.0
        message.twist.angular.z = 0.5
        timer = client.node.create_timer(0.02, lambda: publisher.publish(message))
        client.until(lambda: client.odom.last.twist.twist.angular.z > 0.4, why="turning")
        client.node.destroy_timer(timer)
        client.until(lambda: still(client.odom.last), why="standing again")


class TestProcess:
    def test_sigterm_ends_it_cleanly_and_a_new_one_goes_on_where_it_was(
        self, tmp_path: Path, waypoints: Places
    ) -> None:
        first = SimulatorProcess(tmp_path)
        client = Client()
        client.keep_unlocked()
        amcl = client.listen(PoseWithCovarianceStamped, "amcl_pose", LATCHED)
        clock = client.listen(Clock, "/clock")
        navigate(client, waypoints["DESK-1"])
        client.until(lambda: amcl.last and amcl.last.pose.pose.position.x > 2.0, 60, "under way")
        assert first.stop() == 0
        client.for_(0.2)
        before, told = stamp(clock.last), len(amcl.messages)
        second = SimulatorProcess(tmp_path)
        try:
            client.until(lambda: len(amcl.messages) > told, why="amcl_pose again")
            client.until(lambda: stamp(clock.last) != before, why="the clock again")
            assert math.dist(xy(amcl.messages[told][1]), xy(amcl.messages[told - 1][1])) < 0.6
            assert stamp(clock.last) > before
        finally:
            assert second.stop() == 0
            client.close()

    def test_killed_outright_it_loses_a_second_at_most(self, tmp_path: Path, waypoints: Places) -> None:
        first = SimulatorProcess(tmp_path, speed=1.0)
        client = Client()
        client.keep_unlocked()
        navigate(client, waypoints["DESK-1"])
        amcl = client.listen(PoseWithCovarianceStamped, "amcl_pose", LATCHED)
        client.until(lambda: amcl.last and amcl.last.pose.pose.position.x > 1.2, 60, "under way")
        first.kill()
        client.for_(0.2)
        told = len(amcl.messages)
        second = SimulatorProcess(tmp_path, speed=1.0)
        try:
            client.until(lambda: len(amcl.messages) > told, why="amcl_pose again")
            # 1 s between saves at 0.26 m/s, and amcl_pose itself may be 0.25 m old.
            assert math.dist(xy(amcl.messages[told][1]), xy(amcl.messages[told - 1][1])) < 0.55
        finally:
            assert second.stop() == 0
            client.close()

    def test_two_robots_drive_apart_from_each_other_among_people(self, tmp_path: Path, waypoints: Places) -> None:
        simulator = SimulatorProcess(tmp_path, robots="luna1,luna2", people=3)
        one, two = Client("luna1"), Client("luna2")
        try:
            for client in (one, two):
                client.keep_unlocked()
            people = one.listen(MarkerArray, "/people")
            goals = [navigate(one, waypoints["NEW-BOOKS"]), navigate(two, waypoints["DESK-1"])]
            answers = [goals[0].get_result_async(), goals[1].get_result_async()]
            deadline = time.monotonic() + 60
            while not all(a.done() for a in answers):
                assert time.monotonic() < deadline
                one.for_(0.05)
                two.for_(0.05)
            assert [a.result().status for a in answers] == [GoalStatus.STATUS_SUCCEEDED] * 2
            assert [m.header.frame_id for m in people.last.markers] == ["map"] * 3
        finally:
            one.close()
            two.close()
            assert simulator.stop() == 0


def still(message: object) -> bool:
    twist = message.twist.twist
    return twist.linear.x == 0.0 and twist.angular.z == 0.0


def xy(message: PoseWithCovarianceStamped) -> tuple[float, float]:
    return message.pose.pose.position.x, message.pose.pose.position.y


def stamp(message: Clock) -> float:
    return message.clock.sec + message.clock.nanosec / 1e9
