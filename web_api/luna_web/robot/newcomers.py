"""How a robot becomes known, whoever registers it: an administrator over the API, or the configuration at a start."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from luna_web.robot import events, repository
from luna_web.robot.errors import HomeTaken, RegistrationTaken
from luna_web.robot.incidents import Incident
from luna_web.robot.models import Robot
from luna_web.robot.service import WaypointView
from luna_web.shared.changes import unique

NAME_KEY = "robots_robot_name_key"
NAMESPACE_KEY = "robots_living_namespace_key"


def hold_home(session: Session, home: WaypointView, robot: Robot | None) -> None:
    """The place as this robot's home, until the transaction ends. Raises HomeTaken for another robot's dock."""
    repository.hold_place(session, home.id)  # of two robots that get the same dock at once, one has to see the other
    others = [other for other in repository.robots_at_home(session, home.id) if robot is None or other.id != robot.id]
    if others and home.kind == "DOCK":
        raise HomeTaken(home.location_code, others[0].robot_name)


def take_up_again(robot: Robot, values: Mapping[str, Any]) -> None:
    """One that was taken out. What was wanted of it then is not wanted now; a stop that holds it holds it still."""
    robot.paused = robot.maintenance = robot.send_home = robot.undock = False
    robot.deleted_at = None
    robot.registration_version += 1
    for name, value in values.items():
        setattr(robot, name, value)


def write(session: Session, robot: Robot) -> None:
    """Raises RegistrationTaken."""
    name, namespace = robot.robot_name, robot.namespace  # a row that could not be written can't be asked any more
    name_taken = unique(NAME_KEY, lambda: RegistrationTaken("robot_name", name))
    namespace_taken = unique(NAMESPACE_KEY, lambda: RegistrationTaken("namespace", namespace))
    with name_taken, namespace_taken:
        session.flush()


def make_known(session: Session, robot: Robot) -> None:
    """A newcomer gets its row and its lease, and all are told of it. Raises RegistrationTaken."""
    write(session, robot)
    repository.insert_lease(session, robot.id)
    events.record(session, robot, Incident.REGISTERED)
