"""The only place where messages become domain values and back.

NaN in a message means unknown, and so does `None` in a domain value. Durations and times are seconds and nanoseconds
in the domain.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import Pose as PoseMsg
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, TransformStamped
from luna_interfaces.action import ExecuteDelivery
from luna_interfaces.msg import (
    Deliveries,
    DeliveryState,
    DeliveryStop,
    JournalEntry,
    NavigationState,
    RobotStatus,
    SafetyState,
    Waypoints,
)
from luna_interfaces.msg import DriveOrder as DriveOrderMsg
from luna_interfaces.msg import Fault as FaultMsg
from luna_interfaces.msg import Waypoint as WaypointMsg
from luna_interfaces.srv import (
    CancelDelivery,
    ConfirmHandover,
    ResolveRecovery,
    Resume,
    SetMaintenance,
    SetPaused,
    SetWaypoints,
)
from visualization_msgs.msg import Marker, MarkerArray

from luna_robot.delivery.events import (
    Answer,
    CancelAsked,
    GoalOffered,
    HandoverConfirmed,
    LegEnded,
    LegResult,
    MaintenanceSet,
    PauseSet,
    RecoveryResolved,
    ResumeAsked,
    WaypointsSet,
)
from luna_robot.delivery.machine import Leg
from luna_robot.delivery.model import (
    MOVING_PHASES,
    Arrival,
    Cargo,
    Delivery,
    Entry,
    Error,
    Goal,
    Handover,
    Kind,
    OnTimeout,
    Resolution,
    Stop,
)
from luna_robot.diagnostics import Check
from luna_robot.faults import Fault, Severity
from luna_robot.geometry import Pose, quaternion_of_yaw, yaw_of_quaternion
from luna_robot.keepout import NOWHERE, KeepoutZones
from luna_robot.markers import Drawing
from luna_robot.navigation.link import DriveOrder, NavigationView
from luna_robot.navigation.port import Progress
from luna_robot.navigation.transforms import Transform
from luna_robot.safety.view import SafetyView
from luna_robot.status import RobotView
from luna_robot.waypoints import Waypoint, WaypointTable

MAP = "map"
MAX_WAYPOINTS = 1000
MAX_DETAIL = 2000
NANO = 1_000_000_000


class Malformed(ValueError):
    """A message that says nothing sensible; the text names the field."""


def time_msg(nanoseconds: int) -> Time:
    return Time(sec=nanoseconds // NANO, nanosec=nanoseconds % NANO)


def nanoseconds(time: Time) -> int:
    return int(time.sec) * NANO + int(time.nanosec)


def seconds(duration: Duration) -> float:
    return float(duration.sec + duration.nanosec / NANO)


def or_nan(value: float | None) -> float:
    return math.nan if value is None else value


# --- poses ---


def pose(message: PoseMsg) -> Pose:
    """In the plane; a quaternion of all zeroes counts as no rotation."""
    q = message.orientation
    return Pose(message.position.x, message.position.y, yaw_of_quaternion(q.x, q.y, q.z, q.w))


def pose_msg(value: Pose) -> PoseMsg:
    message = PoseMsg()
    message.position.x, message.position.y = float(value.x), float(value.y)
    q = message.orientation
    q.x, q.y, q.z, q.w = quaternion_of_yaw(value.yaw)
    return message


def pose_stamped(value: Pose, stamp: Time) -> PoseStamped:
    """In frame "map"."""
    message = PoseStamped(pose=pose_msg(value))
    message.header.frame_id, message.header.stamp = MAP, stamp
    return message


def transform(message: TransformStamped) -> Transform:
    t, q = message.transform.translation, message.transform.rotation
    flat = Pose(t.x, t.y, yaw_of_quaternion(q.x, q.y, q.z, q.w))
    stamp = nanoseconds(message.header.stamp)
    return Transform(message.header.frame_id.lstrip("/"), message.child_frame_id.lstrip("/"), flat, stamp)


def variances(message: PoseWithCovarianceStamped) -> tuple[float, float, float]:
    """Of x, y (m²) and yaw (rad²); plain floats, since the array's numbers are numpy's and their truth no `bool`."""
    covariance = message.pose.covariance
    return float(covariance[0]), float(covariance[7]), float(covariance[35])


# --- goals and commands ---


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
    waypoints = tuple(_waypoint(w) for w in request.waypoints)
    codes = {w.location_code.casefold() for w in waypoints}
    if len(codes) != len(waypoints) or "" in codes:
        raise Malformed("waypoints: location_code empty or twice")
    if not all(w.pose.is_finite() for w in waypoints):
        raise Malformed("waypoints: pose not finite")
    return WaypointsSet(request.epoch, WaypointTable(request.map_id[:64], request.version, waypoints))


def fill_answer(response: Any, answer: Answer, progress: Progress) -> Any:
    """Verdict, error and message into any response; the state where the response has one."""
    response.verdict, response.error_code = int(answer.verdict), int(answer.error)
    response.message = answer.message[:256]
    if hasattr(response, "state"):
        response.state = delivery_state(answer.delivery, progress)
    return response


# --- what the robot says ---


def delivery_state(delivery: Delivery | None, progress: Progress | None = None) -> DeliveryState:
    """An empty state where there is no delivery. `progress` is that of the leg in hand, if it is under way."""
    message = DeliveryState(
        distance_remaining=math.nan, estimated_time_remaining=math.nan, timeout_remaining=math.nan
    )  # fmt: skip
    if delivery is None:
        return message
    message.delivery_id, message.attempt, message.kind = delivery.delivery_id, delivery.attempt, int(delivery.goal.kind)
    message.phase, message.outcome, message.error_code = (
        int(delivery.phase), int(delivery.outcome), int(delivery.error),
    )  # fmt: skip
    message.message, message.stop_index = delivery.message[:256], delivery.stop_index
    message.handover_seq, message.cargo = delivery.awaited_seq, int(delivery.cargo)
    message.cancel_requested = delivery.cancel_requested
    message.timeout_remaining = or_nan(delivery.timer)
    message.changed_at = time_msg(delivery.changed_at)
    if progress is not None and delivery.phase in MOVING_PHASES:
        message.distance_remaining = or_nan(progress.distance_remaining)
        message.estimated_time_remaining = or_nan(progress.time_remaining)
    return message


def journal_entry(entry: Entry) -> JournalEntry:
    """`detail` is a JSON object; one that is too long is left out rather than cut."""
    detail = json.dumps(entry.detail, ensure_ascii=False)
    return JournalEntry(
        seq=entry.seq, stamp=time_msg(entry.stamp), trace_id=entry.trace_id, event=entry.event,
        state=delivery_state(entry.delivery), detail=detail if len(detail) <= MAX_DETAIL else "{}",
    )  # fmt: skip


def deliveries(view: RobotView) -> Deliveries:
    return Deliveries(
        robot_name=view.robot_name, boot_id=view.facts.boot_id, journal_id=view.journal_id,
        journal_seq=view.state.seq, active=delivery_state(view.state.active, view.progress),
        recent=[delivery_state(d) for d in view.state.recent],
    )  # fmt: skip


def fault_msg(fault: Fault) -> FaultMsg:
    return FaultMsg(code=fault.code, severity=int(fault.severity), text=fault.text[:128], since=time_msg(fault.since))


def robot_status(view: RobotView, stamp: Time) -> RobotStatus:
    message = RobotStatus()
    message.header.frame_id, message.header.stamp = MAP, stamp
    _fill_identity(message, view)
    _fill_motion(message, view)
    _fill_conditions(message, view)
    _fill_delivery(message, view)
    return message


def _fill_identity(message: RobotStatus, view: RobotView) -> None:
    message.robot_name, message.boot_id = view.robot_name, view.facts.boot_id
    message.journal_id, message.journal_seq, message.epoch = view.journal_id, view.state.seq, view.state.epoch
    message.map_id, message.waypoints_version = view.state.map_id, view.state.waypoints_version
    message.software_version = view.software_version


def _fill_motion(message: RobotStatus, view: RobotView) -> None:
    if view.pose is not None:
        message.x, message.y, message.yaw = view.pose.x, view.pose.y, view.pose.yaw
    message.linear_velocity, message.angular_velocity = view.linear_velocity, view.angular_velocity
    message.nearest_waypoint = view.nearest_waypoint
    message.localized, message.docked = view.facts.localized, view.facts.docked
    message.battery_percentage, message.charging = or_nan(view.battery_percentage), view.charging


def _fill_conditions(message: RobotStatus, view: RobotView) -> None:
    state, facts = view.state, view.facts
    message.mode = int(view.mode)
    message.estopped = facts.estopped or state.estopped
    held = message.estopped or state.suspended
    # The journal follows the supervisor by a disk write: a stop that holds is told by its own id, not the last one's.
    named = facts.estop_id if facts.estopped else state.estop_id
    message.estop_id = named if held else ""
    message.estop_reason = view.estop_reason if held else ""
    message.estop_by = view.estop_by if held else ""
    message.suspended, message.paused, message.maintenance = state.suspended, state.paused, state.maintenance
    message.link_up, message.cargo = facts.link_up, int(state.cargo)
    message.faults = [fault_msg(fault) for fault in view.faults]


def _fill_delivery(message: RobotStatus, view: RobotView) -> None:
    active = view.state.active
    message.distance_remaining = or_nan(view.progress.distance_remaining)
    message.estimated_time_remaining = or_nan(view.progress.time_remaining)
    if active is None:
        return
    message.delivery_id, message.attempt, message.kind = active.delivery_id, active.attempt, int(active.goal.kind)
    message.phase, message.handover_seq = int(active.phase), active.awaited_seq
    message.destination = active.stop.waypoint


# --- between executor and navigator ---


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
            _or_none(message.distance_remaining), _or_none(message.estimated_time_remaining), message.recoveries
        ),
    )


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
    return WaypointTable(message.map_id, message.version, tuple(_waypoint(w) for w in message.waypoints))


def _waypoint(message: WaypointMsg) -> Waypoint:
    return Waypoint(message.location_code, message.name, pose(message.pose), message.kind)


# --- safety ---


def safety_state(view: SafetyView) -> SafetyState:
    return SafetyState(
        estopped=view.estopped, estop_id=view.estop_id, reason=view.reason, by=view.by, since=time_msg(view.since),
        motion_locked=view.motion_locked, faults=[fault_msg(fault) for fault in view.faults],
    )  # fmt: skip


def safety_view(message: SafetyState) -> SafetyView:
    faults = tuple(
        Fault(f.code, Severity(min(4, max(1, f.severity))), f.text, nanoseconds(f.since)) for f in message.faults
    )
    return SafetyView(
        message.estopped, message.estop_id, message.reason, message.by, nanoseconds(message.since),
        message.motion_locked, faults,
    )  # fmt: skip


# --- for people's tools ---


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
