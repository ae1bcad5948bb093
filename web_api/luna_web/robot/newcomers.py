"""How a robot becomes known, whoever registers it: an administrator over the API, or the configuration at a start."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from luna_web.robot import events, repository
from luna_web.robot.incidents import Incident
from luna_web.robot.models import Robot


def take_up_again(robot: Robot, values: Mapping[str, Any]) -> None:
    """One that was taken out. What was wanted of it then is not wanted now; a stop that holds it holds it still."""
    robot.paused = robot.maintenance = robot.send_home = robot.undock = False
    robot.deleted_at = None
    robot.registration_version += 1
    for name, value in values.items():
        setattr(robot, name, value)


def make_known(session: Session, robot: Robot) -> None:
    """A robot whose row was just written: it gets its lease, and all are told of it."""
    repository.insert_lease(session, robot.id)
    events.record(session, robot, Incident.REGISTERED)
