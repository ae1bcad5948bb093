"""Events of robots. The aggregate's number is the robot's version, raised under its row lock."""

from sqlalchemy.orm import Session

from luna_web.robot.models import Robot
from luna_web.shared.outbox import record_event

SOURCE = "robot-service"


def stop_engaged(session: Session, robot: Robot) -> None:
    _record(session, robot, "robot.estop.engaged")


def stop_release_asked(session: Session, robot: Robot) -> None:
    _record(session, robot, "robot.estop.release_asked")


def _record(session: Session, robot: Robot, event_type: str) -> None:
    robot.version += 1
    record_event(
        session,
        type=event_type,
        source=SOURCE,
        aggregate=f"robot:{robot.id}",
        aggregate_seq=robot.version,
        payload={
            "robot_id": robot.id,
            "robot_name": robot.robot_name,
            "estop_id": robot.stop_id,
            "reason": robot.stop_reason,
            "by": robot.stop_by,
            "current_location": robot.current_location,
        },
    )
