"""For people's tools: diagnostics and RViz."""

from __future__ import annotations

from collections.abc import Iterable

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from visualization_msgs.msg import Marker, MarkerArray

from luna_robot.conversions.basics import (
    MAP,
    pose_msg,
)
from luna_robot.diagnostics import Check
from luna_robot.markers import Drawing


def diagnostic_array(checks: Iterable[Check], robot: str, stamp: Time) -> DiagnosticArray:
    """Names begin with the robot's, since all robots of a library share the topic."""
    message = DiagnosticArray()
    message.header.stamp = stamp
    message.status = [
        DiagnosticStatus(
            name=f"{robot}: {check.name}", level=bytes([check.level]), message=check.message, hardware_id=robot,
            values=[KeyValue(key=key, value=value) for key, value in check.values],
        )
        for check in checks
    ]  # fmt: skip
    return message


def marker_array(
    drawings: Iterable[Drawing], stamp: Time, away: Iterable[Drawing] = (), anew: bool = False
) -> MarkerArray:
    """``away`` are taken away, or with ``anew`` whatever was drawn before."""
    markers = [_marker(drawing, stamp) for drawing in drawings]
    taken = [Marker(ns=one.space, id=one.number, action=Marker.DELETE) for one in away]
    return MarkerArray(markers=[*([Marker(action=Marker.DELETEALL)] if anew else taken), *markers])


def _marker(drawing: Drawing, stamp: Time) -> Marker:
    message = Marker(ns=drawing.space, id=drawing.number, type=int(drawing.shape), text=drawing.text)
    message.header.frame_id, message.header.stamp = MAP, stamp
    message.pose = pose_msg(drawing.pose)
    message.pose.position.z = drawing.height
    message.scale.x, message.scale.y, message.scale.z = drawing.scale
    message.color.r, message.color.g, message.color.b = drawing.colour
    message.color.a = drawing.opacity
    return message
