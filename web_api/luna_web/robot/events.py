"""Events of robots. The aggregate's number is the robot's version, raised under its row lock."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from luna_web.robot.incidents import Incident
from luna_web.robot.models import Robot
from luna_web.robot.seen import RobotMode
from luna_web.shared.outbox import record_event

SOURCE = "robot-service"


def stop_engaged(session: Session, robot: Robot, trace_id: str | None = None) -> None:
    record(session, robot, Incident.ESTOP_ENGAGED, trace_id=trace_id)


def stop_release_asked(session: Session, robot: Robot) -> None:
    record(session, robot, "robot.estop.release_asked")


def record(
    session: Session,
    robot: Robot,
    event_type: str,
    details: Mapping[str, Any] | None = None,
    trace_id: str | None = None,
) -> None:
    """Write an event about this robot, whose row is locked, with all of its state; `details` come on top."""
    robot.version += 1
    observed = robot.observed or {}
    pose, faults = observed.get("pose"), observed.get("faults", ())
    payload = {
        "robot_id": robot.id,
        "robot_name": robot.robot_name,
        "version": robot.version,
        "status": robot.status,
        "mode": robot.mode,
        "online": robot.mode != RobotMode.OFFLINE,
        "current_location": robot.current_location,
        "pose": {**pose, "frame": observed["frame"]} if pose else None,
        "battery_level": robot.battery_level,
        "faults": [{name: fault[name] for name in ("code", "severity", "text")} for fault in faults],
        "delivery_id": observed.get("delivery_id") or None,
        "estop_id": robot.stop_id,
        "reason": robot.stop_reason,
        "by": robot.stop_by,
        "last_heartbeat": robot.last_heartbeat,
        **(details or {}),
    }
    record_event(
        session,
        type=event_type,
        source=SOURCE,
        aggregate=f"robot:{robot.id}",
        aggregate_seq=robot.version,
        payload=payload,
        trace_id=trace_id,
    )
