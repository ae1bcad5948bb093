"""The numbers of the domain are those of luna_interfaces, and messages survive hostile values."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from luna_interfaces.action import ExecuteDelivery
from luna_interfaces.msg import DeliveryState, DeliveryStop, RobotStatus
from luna_interfaces.msg import Fault as FaultMsg
from luna_interfaces.srv import ConfirmHandover, ResolveRecovery
from visualization_msgs.msg import Marker

from luna_robot import conversions, diagnostics, faults, markers, status
from luna_robot.delivery import model
from luna_robot.delivery.events import Facts
from luna_robot.delivery.model import Entry, ExecutorState
from luna_robot.faults import Fault, Severity
from luna_robot.geometry import Pose
from luna_robot.navigation.port import Progress
from luna_robot.status import Mode, RobotView
from luna_robot.waypoints import Waypoint, WaypointTable
from tests.ros.luna_robot.controller import stop


class Shapes:
    """Names of ours for visualization_msgs' numbers."""

    ARROW, CYLINDER, TEXT = Marker.ARROW, Marker.CYLINDER, Marker.TEXT_VIEW_FACING


@pytest.mark.parametrize(
    ("kind", "message", "prefix"),
    [
        (model.Kind, DeliveryState, "KIND_"),
        (model.Phase, DeliveryState, "PHASE_"),
        (model.Outcome, DeliveryState, "OUTCOME_"),
        (model.Cargo, DeliveryState, "CARGO_"),
        (model.Error, DeliveryState, "ERROR_"),
        (model.Handover, DeliveryStop, "HANDOVER_"),
        (model.Arrival, DeliveryStop, "ARRIVAL_"),
        (model.OnTimeout, DeliveryStop, "ON_TIMEOUT_"),
        (model.Verdict, ConfirmHandover.Response, ""),
        (model.Resolution, ResolveRecovery.Request, ""),
        (faults.Severity, FaultMsg, "SEVERITY_"),
        (status.Mode, RobotStatus, "MODE_"),
        (markers.Shape, Shapes, ""),
    ],
)
def test_numbers_agree(kind: type[IntEnum], message: Any, prefix: str):
    for member in kind:
        assert getattr(message, prefix + member.name) == member.value
    constants = [name for name in dir(type(message)) if prefix and name.startswith(prefix)]
    assert len(constants) in (0, len(kind))


def test_a_goal_without_a_frame_is_at_its_waypoint():
    table = WaypointTable("m", 1, (Waypoint("DESK-1", "Desk", Pose(1.0, 2.0, 0.5)),))
    message = ExecuteDelivery.Goal(delivery_id="d", attempt=1, kind=1, stops=[DeliveryStop(waypoint="desk-1")])
    event = conversions.goal_offered(message, table)
    assert event.goal.stops[0].pose == Pose(1.0, 2.0, 0.5)
    assert conversions.goal_offered(message, WaypointTable()).unknown_waypoint == "desk-1"


def test_what_is_malformed_is_named_and_the_identity_stays():
    message = ExecuteDelivery.Goal(delivery_id="d", attempt=3, stops=[stop("A", 0.0, 0.0, handover=9)])
    event = conversions.goal_offered(message, WaypointTable())
    assert (event.goal.delivery_id, event.goal.attempt) == ("d", 3)
    assert event.defect.startswith("stops[0].handover")


def test_variances_are_plain_numbers():
    variances = conversions.variances(PoseWithCovarianceStamped())
    assert [type(value) for value in variances] == [float] * 3


def test_unknown_is_nan():
    state = conversions.delivery_state(None)
    assert math.isnan(state.distance_remaining) and math.isnan(state.timeout_remaining)
    view = RobotView(
        "luna1", "j", ExecutorState(), Facts(), Mode.IDLE, (Fault("X", Severity.URGENT, "x" * 300, 5),), Progress()
    )
    message = conversions.robot_status(view, conversions.time_msg(1_500_000_000))
    assert math.isnan(message.battery_percentage) and math.isnan(message.distance_remaining)
    assert (message.header.stamp.sec, message.header.stamp.nanosec, len(message.faults[0].text)) == (
        1,
        500_000_000,
        128,
    )


def test_a_stop_that_the_journal_does_not_have_yet_is_told_by_its_own_id():
    before = ExecutorState(suspended=True, estop_id="the one before")
    view = RobotView("luna1", "j", before, Facts(estopped=True, estop_id="new"), Mode.ESTOPPED, (), Progress())
    message = conversions.robot_status(view, conversions.time_msg(0))
    assert (message.estopped, message.estop_id) == (True, "new")


def test_a_detail_that_is_too_long_is_left_out():
    entry = Entry(1, 2, "t", "X", None, {"text": "x" * 3000})
    assert conversions.journal_entry(entry).detail == "{}"


def test_diagnostics_and_markers_are_made_of_a_status():
    told = RobotStatus(robot_name="luna1", mode=status.Mode.NAVIGATING, delivery_id="d", phase=model.Phase.TO_DROPOFF,
                       destination="STUDY-1", distance_remaining=12.0, x=1.0, y=2.0, localized=True)  # fmt: skip
    told.faults = [conversions.fault_msg(Fault("LINK_DOWN", Severity.URGENT, "no heartbeat"))]

    shown = conversions.diagnostic_array(diagnostics.checks(told), "luna1", conversions.time_msg(0))
    drawn = markers.of_status(told, Pose(3.0, 4.0, 0.0))
    array = conversions.marker_array(drawn, conversions.time_msg(0), away=drawn[:1])

    assert {one.name: one.level for one in shown.status}["luna1: link"] == DiagnosticStatus.WARN
    assert [(one.action, one.type) for one in array.markers] == [
        (Marker.DELETE, 0), (Marker.ADD, Marker.TEXT_VIEW_FACING), (Marker.ADD, Marker.CYLINDER),
        (Marker.ADD, Marker.TEXT_VIEW_FACING),
    ]  # fmt: skip
    assert array.markers[1].text == "luna1: NAVIGATING\nTO_DROPOFF STUDY-1, 12 m\nLINK_DOWN"
    assert array.markers[2].pose.position.x == 3.0 and array.markers[2].header.frame_id == "map"
