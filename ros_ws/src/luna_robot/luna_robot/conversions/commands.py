"""What the robot is asked: goals and the services of a delivery, as events of its machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luna_interfaces.action import ExecuteDelivery
from luna_interfaces.msg import (
    DeliveryStop,
)
from luna_interfaces.srv import (
    CancelDelivery,
    ConfirmHandover,
    ResolveRecovery,
    Resume,
    SetMaintenance,
    SetPaused,
    SetWaypoints,
)

from luna_robot.conversions.basics import (
    MAP,
    Malformed,
    pose,
    seconds,
    waypoint,
)
from luna_robot.delivery.events import (
    CancelAsked,
    GoalOffered,
    HandoverConfirmed,
    MaintenanceSet,
    PauseSet,
    RecoveryResolved,
    ResumeAsked,
    WaypointsSet,
)
from luna_robot.delivery.model import (
    Arrival,
    Cargo,
    Goal,
    Handover,
    Kind,
    OnTimeout,
    Resolution,
    Stop,
)
from luna_robot.geometry import Pose
from luna_robot.keepout import NOWHERE, KeepoutZones
from luna_robot.waypoints import WaypointTable

MAX_WAYPOINTS = 1000


def goal_offered(request: ExecuteDelivery.Goal, waypoints: WaypointTable, zones: KeepoutZones = NOWHERE) -> GoalOffered:
    """Always a goal; what is wrong with it is said in the event, because a goal is never rejected without a reason."""
    identity = Goal(request.delivery_id, request.attempt, Kind.DELIVERY, (), trace_id=request.trace_id[:128])
    try:
        kind = _enum(Kind, request.kind, "kind")
        stops = tuple(_stop(s, f"stops[{i}]", waypoints) for i, s in enumerate(request.stops))
        fallback = _stop(request.fallback, "fallback", waypoints) if request.has_fallback else None
        _check_zones({**{f"stops[{i}]": stop for i, stop in enumerate(stops)}, "fallback": fallback}, zones)
    except Malformed as error:
        return GoalOffered(identity, request.epoch, request.boot_id, defect=str(error))
    except LookupError as error:
        return GoalOffered(identity, request.epoch, request.boot_id, unknown_waypoint=str(error.args[0]))
    goal = Goal(request.delivery_id, request.attempt, kind, stops, fallback, identity.trace_id)
    return GoalOffered(goal, request.epoch, request.boot_id)


def _check_zones(stops: Mapping[str, Stop | None], zones: KeepoutZones) -> None:
    for field, stop in stops.items():
        if stop is not None and stop.pose.is_finite() and zones.forbids(stop.pose):
            raise Malformed(f"{field}.pose: inside a keep-out zone")


def _stop(message: DeliveryStop, field: str, waypoints: WaypointTable) -> Stop:
    timeout = seconds(message.handover_timeout)
    return Stop(
        message.waypoint,
        _stop_pose(message, field, waypoints),
        _enum(Handover, message.handover, f"{field}.handover"),
        _enum(Arrival, message.arrival, f"{field}.arrival"),
        timeout or None,
        _enum(OnTimeout, message.on_timeout, f"{field}.on_timeout"),
    )


def _stop_pose(message: DeliveryStop, field: str, waypoints: WaypointTable) -> Pose:
    """A pose without a frame is not there: then the waypoint's name says where."""
    frame = message.pose.header.frame_id
    if frame == MAP:
        return pose(message.pose.pose)
    if frame:
        raise Malformed(f"{field}.pose: frame {frame!r} is not {MAP!r}")
    known = waypoints.find(message.waypoint)
    if known is None:
        raise LookupError(message.waypoint)
    return known.pose


def _enum(kind: Any, value: int, field: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise Malformed(f"{field}: {value} is not one of {[int(k) for k in kind]}") from None


def handover_confirmed(request: ConfirmHandover.Request) -> HandoverConfirmed:
    """Raises Malformed."""
    return HandoverConfirmed(
        request.epoch, request.delivery_id, request.attempt, _enum(Handover, request.handover, "handover"),
        request.handover_seq, _enum(Cargo, request.cargo, "cargo"), request.by[:128], request.trace_id[:128],
    )  # fmt: skip


def cancel_asked(request: CancelDelivery.Request) -> CancelAsked:
    return CancelAsked(
        request.epoch, request.delivery_id, request.attempt, request.reason[:256], request.trace_id[:128]
    )  # fmt: skip


def resume_asked(request: Resume.Request) -> ResumeAsked:
    return ResumeAsked(request.epoch, request.estop_id, request.by[:128], request.trace_id[:128])


def pause_set(request: SetPaused.Request) -> PauseSet:
    return PauseSet(request.epoch, request.paused, request.by[:128])


def maintenance_set(request: SetMaintenance.Request) -> MaintenanceSet:
    return MaintenanceSet(request.epoch, request.maintenance, request.by[:128])


def recovery_resolved(request: ResolveRecovery.Request) -> RecoveryResolved:
    """Raises Malformed."""
    resolution = _enum(Resolution, request.resolution, "resolution")
    return RecoveryResolved(
        request.epoch, request.delivery_id, resolution, request.by[:128], request.trace_id[:128]
    )  # fmt: skip


def waypoints_set(request: SetWaypoints.Request) -> WaypointsSet:
    """Raises Malformed."""
    if len(request.waypoints) > MAX_WAYPOINTS:
        raise Malformed(f"waypoints: at most {MAX_WAYPOINTS}")
    waypoints = tuple(waypoint(w) for w in request.waypoints)
    codes = {w.location_code.casefold() for w in waypoints}
    if len(codes) != len(waypoints) or "" in codes:
        raise Malformed("waypoints: location_code empty or twice")
    if not all(w.pose.is_finite() for w in waypoints):
        raise Malformed("waypoints: pose not finite")
    return WaypointsSet(request.epoch, WaypointTable(request.map_id[:64], request.version, waypoints))
