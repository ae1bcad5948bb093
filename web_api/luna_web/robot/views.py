"""Rows and statuses as clients see them. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from luna_web.robot.domain import is_online, status_of
from luna_web.robot.models import Map, Robot, Waypoint
from luna_web.robot.ports import QueuedTask, TaskInHand
from luna_web.robot.schemas import (
    CurrentTaskOut,
    EstopOut,
    FaultOut,
    Limits,
    MapOut,
    OriginOut,
    PoseOut,
    QueuedTaskOut,
    RegisteredRobotOut,
    RegistrationOut,
    RobotOut,
    RobotRefOut,
    SensorData,
    VelocityOut,
    WaypointOut,
)
from luna_web.robot.seen import RobotMode
from luna_web.robot.status_cache import HeardStatus
from luna_web.robot.wanted import StopState

IMAGE_PATH = "/api/v1/robot/map/image"


def robot_out(row: Robot, heard: HeardStatus | None, task: TaskInHand | None, now: datetime) -> RobotOut:
    """The robot as it was last heard: by the cache if that is newer than the row.

    Of a silent robot, what it said last is told with its age; how fast it moves and how far it has to go is not.
    """
    seen, heard_at = row.observed, row.last_heartbeat
    if heard is not None and (heard_at is None or heard.heard_at > heard_at):
        seen, heard_at = heard.observed, heard.heard_at
    online = is_online(heard_at, now)
    mode = RobotMode(seen["mode"]) if online and seen else RobotMode.OFFLINE
    known = seen or {}
    return RobotOut(
        id=row.id,
        robot_name=row.robot_name,
        status=status_of(mode),
        mode=mode,
        current_location=known.get("nearest_waypoint") or None,
        pose=PoseOut(**known["pose"], frame=known["frame"]) if seen else None,
        velocity=_velocity(known) if online and seen else None,
        battery_level=known.get("battery"),
        charging=known.get("charging"),
        sensor_data=SensorData.model_validate(known) if seen else None,
        current_task=_current_task(task, known if online else {}),
        faults=[FaultOut(code=f["code"], severity=f["severity"], text=f["text"]) for f in known.get("faults", ())],
        estop=_estop(row, known),
        online=online,
        observed_at=heard_at,
        age_seconds=max((now - heard_at).total_seconds(), 0.0) if heard_at else None,
        last_heartbeat=heard_at,
        software_version=known.get("software_version") or None,
    )


def registered_robot_out(shown: RobotOut, row: Robot | None, codes: Mapping[UUID, str]) -> RegisteredRobotOut:
    """The robot with how it is reached, as its row says; without it where there is none. `codes`: of homes."""
    registration = row and RegistrationOut(
        namespace=row.namespace,
        bridge_url=row.bridge_url,
        home_waypoint=codes.get(row.home_waypoint_id) if row.home_waypoint_id else None,
        limits=Limits.model_validate(row.limits),
        version=row.registration_version,
        created_at=row.created_at,
    )
    return RegisteredRobotOut(**dict(shown), registration=registration)


def queued_out(task: QueuedTask, position: int, robot: Robot | None) -> QueuedTaskOut:
    return QueuedTaskOut(
        position=position,
        task_id=task.task_id,
        task_type=task.task_type,
        priority=task.priority,
        item_description=task.item_description,
        source_location=task.source_location,
        destination_location=task.destination_location,
        attempt=task.attempt,
        waiting_since=task.waiting_since,
        not_before=task.not_before,
        waits_for_opening=task.waits_for_opening,
        expected_robot=RobotRefOut(id=robot.id, robot_name=robot.robot_name) if robot else None,
    )


def waypoint_out(place: Waypoint) -> WaypointOut:
    return WaypointOut(
        id=place.id,
        location_code=place.location_code,
        name=place.name,
        kind=place.kind,
        x_coordinate=place.x,
        y_coordinate=place.y,
        z_coordinate=place.z,
        yaw=place.yaw,
        is_active=place.is_active,
        metadata=place.details,
        version=place.version,
    )


def map_out(floor: Map) -> MapOut:
    return MapOut(
        map_id=floor.map_id,
        name=floor.name,
        frame="map",
        resolution=floor.resolution,
        width=floor.width,
        height=floor.height,
        origin=OriginOut(x=floor.origin_x, y=floor.origin_y, yaw=floor.origin_yaw),
        image_url=IMAGE_PATH,
        waypoints_version=floor.waypoints_version,
        checksum=floor.checksum,
    )


def _velocity(seen: dict[str, Any]) -> VelocityOut:
    return VelocityOut(linear=seen["linear_velocity"], angular=seen["angular_velocity"])


def _current_task(task: TaskInHand | None, seen: dict[str, Any]) -> CurrentTaskOut | None:
    if task is None:
        return None
    carried_out = seen.get("delivery_id") == str(task.task_id)
    return CurrentTaskOut(
        task_id=task.task_id,
        task_type=task.task_type,
        phase=task.phase,
        destination=(seen.get("destination") if carried_out else None) or task.destination,
        distance_remaining=seen.get("distance_remaining") if carried_out else None,
        eta_seconds=seen.get("estimated_time_remaining") if carried_out else None,
    )


def _estop(row: Robot, seen: dict[str, Any]) -> EstopOut:
    """Engaged is what the robot says, or what people want of it while it has not said so yet."""
    latched = bool(seen.get("estopped"))
    wanted = row.stop_state == StopState.ENGAGE
    if latched:
        same = row.stop_id == seen.get("estop_id")
        since = row.stop_since if same else None
        return EstopOut(
            engaged=True,
            id=seen.get("estop_id"),
            reason=seen.get("estop_reason") or None,
            by=seen.get("estop_by") or None,
            since=since,
            confirmed=True,
        )
    return EstopOut(
        engaged=wanted,
        id=row.stop_id if wanted else None,
        reason=(row.stop_reason or None) if wanted else None,
        by=row.stop_by if wanted else None,
        since=row.stop_since if wanted else None,
        confirmed=not wanted,
    )
