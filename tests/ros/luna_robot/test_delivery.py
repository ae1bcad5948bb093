"""Deliveries by real nodes on the simulator."""

from __future__ import annotations

import json

import pytest
from action_msgs.msg import GoalStatus
from luna_interfaces.msg import DeliveryState, RobotStatus, Waypoint

from luna_robot import conversions
from luna_robot.geometry import Pose
from tests.ros.luna_robot.conftest import LOAD, UNLOAD, World
from tests.ros.luna_robot.controller import same, stop

S = DeliveryState


@pytest.fixture(autouse=True)
def idle(robot: World):
    yield
    robot.settle()


def test_a_book_is_delivered(robot: World):
    controller = robot.controller
    docked = controller.status.docked
    goal = robot.goal()
    result = controller.send(goal)
    controller.wait(lambda: controller.status.mode == RobotStatus.MODE_NAVIGATING, 60.0)
    status = controller.wait_for_phase(S.PHASE_AWAITING_LOAD)
    assert docked and not status.docked
    place = goal.stops[0].pose.pose.position
    assert abs(status.x - place.x) < 0.3 and abs(status.y - place.y) < 0.3
    assert status.mode == RobotStatus.MODE_WAITING_LOAD
    answer = controller.confirm(LOAD)
    assert controller.took(answer)
    assert (answer.state.phase, answer.state.cargo) == (S.PHASE_TO_DROPOFF, S.CARGO_PRESENT)
    controller.wait_for_phase(S.PHASE_AWAITING_UNLOAD)
    answer = controller.confirm(UNLOAD)
    assert (answer.state.outcome, answer.state.cargo) == (S.OUTCOME_SUCCEEDED, S.CARGO_ABSENT)
    assert same(controller.state_of(result, 60.0), answer.state)
    controller.wait(lambda: controller.deliveries.recent and same(controller.deliveries.recent[0], answer.state), 20.0)
    assert same(controller.outcome(goal), answer.state)


def test_the_journal_tells_the_whole_story_without_gaps(robot: World):
    controller = robot.controller
    entries = []
    while batch := controller.call("get_journal", after_seq=len(entries), limit=5).entries:
        entries += batch
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert len(entries) == controller.status.journal_seq
    assert all(isinstance(json.loads(entry.detail), dict) for entry in entries)


def test_nobody_loads(robot: World):
    controller = robot.controller
    goal = robot.goal(load_timeout=6.0)
    state = controller.state_of(controller.send(goal))
    assert (state.outcome, state.error_code) == (S.OUTCOME_FAILED, S.ERROR_NOT_LOADED)
    assert robot.phases_of(goal.delivery_id) == [S.PHASE_TO_PICKUP, S.PHASE_AWAITING_LOAD, S.PHASE_CLEARING]


def test_nobody_takes_it_and_it_comes_back(robot: World):
    controller = robot.controller
    goal = robot.goal(unload_timeout=6.0)
    result = controller.send(goal)
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)
    controller.confirm(LOAD)
    controller.wait_for_phase(S.PHASE_AWAITING_FALLBACK_UNLOAD)
    controller.confirm(UNLOAD)
    assert controller.state_of(result, 60.0).error_code == S.ERROR_NOT_UNLOADED
    there = [S.PHASE_TO_PICKUP, S.PHASE_AWAITING_LOAD, S.PHASE_TO_DROPOFF, S.PHASE_AWAITING_UNLOAD]
    back = [S.PHASE_TO_FALLBACK, S.PHASE_AWAITING_FALLBACK_UNLOAD]
    assert robot.phases_of(goal.delivery_id) == there + back


def test_goals_that_cannot_be_done_end_at_once_with_the_reason(robot: World):
    controller = robot.controller
    running = robot.goal()
    controller.send(running)
    controller.wait_for_phase(S.PHASE_TO_PICKUP)
    for fields, error in (
        ({"epoch": 0}, S.ERROR_STALE_EPOCH),
        ({"boot_id": "another"}, S.ERROR_WRONG_BOOT),
        ({}, S.ERROR_BUSY),
        ({"kind": 9}, S.ERROR_MALFORMED),
        ({"attempt": 0}, S.ERROR_MALFORMED),
    ):
        state = controller.outcome(robot.goal(**fields))
        assert (state.outcome, state.error_code) == (S.OUTCOME_REJECTED, error), fields
        assert state.message
    wrong_frame = robot.goal()
    wrong_frame.stops[0].pose.header.frame_id = "odom"
    assert controller.outcome(wrong_frame).error_code == S.ERROR_MALFORMED
    forbidden = robot.goal()
    forbidden.stops[1].pose = stop("", 7.0, 13.0).pose
    state = controller.outcome(forbidden)
    assert (state.error_code, state.message) == (S.ERROR_MALFORMED, "stops[1].pose: inside a keep-out zone")
    nowhere = robot.goal()
    nowhere.stops[0].pose.header.frame_id = ""
    nowhere.stops[0].waypoint = "NOWHERE"
    assert controller.outcome(nowhere).error_code == S.ERROR_UNKNOWN_WAYPOINT


def test_a_cancelled_delivery_that_never_came_leaves_a_tombstone(robot: World):
    controller = robot.controller
    assert controller.took(
        controller.call("cancel_delivery", delivery_id="never", attempt=1, reason="changed my mind")
    )
    state = controller.outcome(robot.goal("never"))
    assert (state.outcome, state.error_code) == (S.OUTCOME_CANCELLED, S.ERROR_TOMBSTONE)
    found = controller.call("get_delivery", delivery_id="never")
    assert found.verdict == 0 and same(found.state, state)
    assert controller.call("get_delivery", delivery_id="unknown").error_code == S.ERROR_UNKNOWN_DELIVERY


def test_commands_that_say_nothing_sensible_are_refused(robot: World):
    controller = robot.controller
    assert controller.call("confirm_handover", handover=9).error_code == S.ERROR_MALFORMED
    assert controller.call("resolve_recovery", resolution=9).error_code == S.ERROR_MALFORMED
    twice = [Waypoint(location_code="A"), Waypoint(location_code="a")]
    assert controller.call("set_waypoints", map_id="m", version=1, waypoints=twice).error_code == S.ERROR_MALFORMED


def test_paused_and_in_maintenance_it_takes_nothing(robot: World):
    controller = robot.controller
    for service, field, error in (
        ("set_paused", "paused", S.ERROR_PAUSED),
        ("set_maintenance", "maintenance", S.ERROR_MAINTENANCE),
    ):
        assert controller.took(controller.call(service, **{field: True}, by="test"))
        assert controller.call(service, **{field: True}, by="test").verdict == 1
        assert controller.outcome(robot.goal()).error_code == error
        assert controller.took(controller.call(service, **{field: False}, by="test"))


def test_waypoints_are_taken_and_name_where_the_robot_is(robot: World):
    controller = robot.controller
    desk = Waypoint(location_code="DESK-1", name="Desk", kind="DESK", pose=conversions.pose_msg(Pose(6.8, 7.2, -1.57)))
    far = Waypoint(location_code="FAR", name="Far", kind="OTHER", pose=conversions.pose_msg(Pose(39.0, 20.0, 0.0)))
    answer = controller.call("set_waypoints", map_id="library", version=3, waypoints=[desk, far])
    assert controller.took(answer) and answer.version == 3
    controller.wait(lambda: controller.status.nearest_waypoint == "DESK-1", 20.0)
    assert (controller.status.map_id, controller.status.waypoints_version) == ("library", 3)
    assert controller.call("set_waypoints", map_id="library", version=2).verdict == 2


def test_an_operator_drives_to_a_waypoint(robot: World):
    controller = robot.controller
    desk = Waypoint(location_code="DESK-1", name="Desk", kind="DESK", pose=conversions.pose_msg(Pose(6.8, 7.2, -1.57)))
    controller.call("set_waypoints", map_id="library", version=4, waypoints=[desk])
    result = controller.navigate(60.0, waypoint="desk-1")
    assert (result.error_code, result.final_distance < 0.3) == (0, True)
    assert controller.navigate(20.0, waypoint="NOWHERE").error_code == S.ERROR_UNKNOWN_WAYPOINT
    wall = stop("", -30.0, -30.0).pose
    assert controller.navigate(60.0, pose=wall).error_code == S.ERROR_NAVIGATION
    assert controller.navigate(20.0, pose=stop("", 7.0, 13.0).pose).error_code == S.ERROR_MALFORMED
    ahead = stop("", 1.0, 0.0).pose
    for frame in ("base_link", ""):
        ahead.header.frame_id = frame
        refused = controller.navigate(20.0, pose=ahead)
        assert (refused.error_code, refused.message) == (S.ERROR_MALFORMED, f"pose: frame {frame!r} is not 'map'")
    controller.send(robot.goal())
    controller.wait_for_phase(S.PHASE_TO_PICKUP)
    assert controller.navigate(20.0, waypoint="desk-1").error_code == S.ERROR_BUSY


def test_without_a_link_the_leg_is_finished_and_timers_stand_still(robot: World):
    controller = robot.controller
    goal = robot.goal(load_timeout=20.0)
    controller.send(goal)
    controller.wait(lambda: controller.speed > 0.05, 60.0)
    controller.beating = False
    controller.wait(lambda: not controller.status.link_up, 60.0)
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)
    controller.stays(lambda: controller.status.phase == S.PHASE_AWAITING_LOAD, 5.0, "the timer must stand still")
    controller.beating = True
    controller.wait(lambda: controller.status.phase != S.PHASE_AWAITING_LOAD, 60.0, "the timer runs on")
    assert S.PHASE_CLEARING in robot.phases_of(goal.delivery_id)


def test_an_operators_own_goal_wins_and_is_reported(robot: World):
    controller = robot.controller
    result = controller.send(robot.goal())
    controller.wait(lambda: controller.speed > 0.05, 60.0)
    theirs = controller.operator_goal(1.8, 4.3)
    status = controller.wait_for_phase(S.PHASE_AWAITING_RECOVERY, 60.0)
    assert status.mode == RobotStatus.MODE_RECOVERY
    assert controller.ending_of(theirs, 60.0) == GoalStatus.STATUS_SUCCEEDED
    assert not controller.locked
    controller.wait(lambda: controller.speed == 0.0, 60.0)
    answer = controller.call("resolve_recovery", delivery_id=status.delivery_id, resolution=1, by="test")
    assert controller.took(answer)
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)
    controller.call("cancel_delivery", delivery_id=status.delivery_id, attempt=1, reason="enough")
    assert controller.state_of(result, 60.0).outcome == S.OUTCOME_CANCELLED
