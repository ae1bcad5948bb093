"""What executor and navigator tell each other where they are two processes."""

from __future__ import annotations

from luna_interfaces.msg import DriveOrder as DriveOrderMsg
from luna_interfaces.msg import (
    NavigationState,
    Waypoints,
)
from luna_interfaces.msg import Waypoint as WaypointMsg

from luna_robot.conversions.basics import (
    or_nan,
    or_none,
    pose,
    pose_msg,
    waypoint,
)
from luna_robot.delivery.events import (
    LegEnded,
    LegResult,
)
from luna_robot.delivery.machine import Leg
from luna_robot.delivery.model import (
    Arrival,
    Error,
)
from luna_robot.geometry import Pose
from luna_robot.navigation.link import DriveOrder, NavigationView
from luna_robot.navigation.port import Progress
from luna_robot.waypoints import WaypointTable


def drive_order_msg(order: DriveOrder) -> DriveOrderMsg:
    refusal, text = order.refusal or (Error.NONE, "")
    message = DriveOrderMsg(
        boot_id=order.boot_id, map_id=order.map_id, waypoints_version=order.waypoints_version,
        refusal=int(refusal), refusal_text=text[:256],
    )  # fmt: skip
    if order.leg is not None:
        message.leg, message.waypoint = order.leg.number, order.leg.waypoint
        message.pose, message.arrival = pose_msg(order.leg.pose), int(order.leg.arrival)
    return message


def drive_order(message: DriveOrderMsg) -> DriveOrder:
    """Raises ValueError where a number is none of those that the message names: another version speaks."""
    leg = None
    if message.leg:
        leg = Leg(message.leg, message.waypoint, pose(message.pose), Arrival(message.arrival), message.boot_id)
    refusal = (Error(message.refusal), message.refusal_text) if message.refusal else None
    return DriveOrder(message.boot_id, leg, refusal, message.map_id, message.waypoints_version)


def navigation_state(view: NavigationView, boot_id: str) -> NavigationState:
    message = NavigationState(
        boot_id=boot_id, localized=view.localized, missing=list(view.missing), docked=view.docked,
        distance_remaining=or_nan(view.progress.distance_remaining),
        estimated_time_remaining=or_nan(view.progress.time_remaining), recoveries=min(view.progress.recoveries, 65535),
    )  # fmt: skip
    if view.leg is not None:
        message.leg_boot_id, message.leg = view.leg
    if view.ended is not None:
        message.ended_boot_id, message.ended_leg = view.ended.boot_id, view.ended.leg
        message.ended_result, message.ended_message = int(view.ended.result), view.ended.message[:256]
    if view.pose is not None:
        message.pose_known = True
        message.x, message.y, message.yaw = view.pose.x, view.pose.y, view.pose.yaw
    return message


def navigation_view(message: NavigationState) -> NavigationView:
    """Raises ValueError where a number is none of those that the message names: another version speaks."""
    ended = None
    if message.ended_leg:
        result = LegResult(message.ended_result)
        ended = LegEnded(message.ended_leg, result, message.ended_message, message.ended_boot_id)
    return NavigationView(
        leg=(message.leg_boot_id, message.leg) if message.leg else None,
        ended=ended,
        pose=Pose(message.x, message.y, message.yaw) if message.pose_known else None,
        localized=message.localized,
        missing=tuple(message.missing),
        docked=message.docked,
        progress=Progress(
            or_none(message.distance_remaining), or_none(message.estimated_time_remaining), message.recoveries
        ),
    )


def waypoints_msg(table: WaypointTable) -> Waypoints:
    return Waypoints(
        map_id=table.map_id,
        version=table.version,
        waypoints=[
            WaypointMsg(location_code=w.location_code, name=w.name, pose=pose_msg(w.pose), kind=w.kind)
            for w in table.waypoints
        ],
    )


def waypoint_table(message: Waypoints) -> WaypointTable:
    return WaypointTable(message.map_id, message.version, tuple(waypoint(w) for w in message.waypoints))
