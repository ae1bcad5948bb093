"""The registry: which robots there are, and how each is reached. Controllers in every process follow it.

A robot that is taken out keeps its row, for its history and for the epoch of its lease, which the robot remembers:
whoever registers its name again goes on with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.orm import Session

from luna_web.robot import events, repository
from luna_web.robot.addresses import wrong_with_bridge
from luna_web.robot.domain import status_of
from luna_web.robot.errors import RegistrationTaken, RobotBusy, RobotNotEmpty, RobotNotFound
from luna_web.robot.incidents import Incident, LogKind
from luna_web.robot.models import Robot
from luna_web.robot.newcomers import hold_home, make_known, take_up_again, write
from luna_web.robot.ports import Cargo, DeliveryDesk, DeliveryKind
from luna_web.robot.schemas import NewRobot, RobotChange
from luna_web.robot.seen import RobotMode
from luna_web.robot.service import resolve_waypoint
from luna_web.robot.status_log import log_status
from luna_web.robot.tokens import encrypt_token
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.changes import changed, check_version
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.etags import IfMatch
from luna_web.shared.ids import new_id
from luna_web.shared.outbox import WANTED_CHANNEL, notify
from luna_web.shared.principal import Principal

SECRET = "replaced"  # noqa: S105 - what the audit trail says of a token


@dataclass(frozen=True, slots=True)
class Registrar:
    """One administrator's call."""

    session: Session
    principal: Principal
    meta: RequestMeta
    desk: DeliveryDesk
    key: SecretStr
    bridge_hosts: Sequence[str]

    def audit(self, action: str, robot: Robot, changes: Mapping[str, Any]) -> None:
        audit(self.session, self.principal, action, "robot", robot.id, changes, self.meta)


def register(registrar: Registrar, wish: NewRobot) -> Robot:
    """Make a robot known, or one that was taken out known again.

    Raises RegistrationTaken, UnknownLocation, LocationInactive, HomeTaken, ValidationFailed.
    """
    robot = repository.robot_by_name_for_update(registrar.session, wish.robot_name)
    if robot is not None and robot.deleted_at is None:
        raise RegistrationTaken("robot_name", wish.robot_name)
    values = _values(registrar, wish, robot)
    if robot is None:
        robot = Robot(id=new_id(), **values)
        registrar.session.add(robot)
    else:
        take_up_again(robot, values)
    make_known(registrar.session, robot)
    registrar.audit("robot.create", robot, _shown(wish))
    notify(registrar.session, WANTED_CHANNEL, "*")
    return robot


def change(registrar: Registrar, robot_id: UUID, wish: RobotChange, if_match: IfMatch | None) -> Robot:
    """Change what was sent. Raises RobotNotFound, PreconditionFailed, and what `register` raises."""
    robot = _locked(registrar.session, robot_id)
    check_version(if_match, robot.registration_version)
    token = {"token_encrypted"}
    values = _values(registrar, wish, robot)
    differences = changed(robot, values)
    if differences:
        robot.registration_version += 1
        write(registrar.session, robot)
        told = {name: pair for name, pair in differences.items() if name not in token}
        registrar.audit("robot.update", robot, told | ({"token": SECRET} if differences.keys() & token else {}))
        notify(registrar.session, WANTED_CHANNEL, "*")
    return robot


def delete(
    registrar: Registrar, robot_id: UUID, now: datetime, if_match: IfMatch | None, *, lost: bool = False
) -> Robot:
    """Take a robot out. Raises RobotNotFound, PreconditionFailed, RobotBusy while it has a task in hand.

    Also RobotNotEmpty while anything of a delivery is left with it: nobody would tell it what became of that. `lost`:
    it will not come back, so that this is no obstacle. What it is to be told is kept, should it be registered again.
    Its lease is locked before its task is looked for, since tasks are claimed under the lease: none can slip in.
    """
    repository.lock_lease(registrar.session, robot_id)
    robot = _locked(registrar.session, robot_id)
    check_version(if_match, robot.registration_version)
    if registrar.desk.tasks_in_hand(registrar.session, [robot_id]):
        raise RobotBusy("The robot has a delivery in hand; it can be taken out when that has ended")
    if not lost and (left := _left_with(registrar, robot)):
        raise RobotNotEmpty(robot.robot_name, left)
    robot.deleted_at = now
    if robot.mode != RobotMode.OFFLINE:  # nobody listens to it any more
        robot.mode, robot.status = RobotMode.OFFLINE, status_of(RobotMode.OFFLINE)
        log_status(registrar.session, robot, now, (LogKind.LINK, LogKind.MODE))
    robot.registration_version += 1
    events.record(registrar.session, robot, Incident.REMOVED)
    registrar.session.flush()
    repository.end_lease(registrar.session, robot_id)
    registrar.audit("robot.delete", robot, {"robot_name": robot.robot_name} | ({"lost": True} if lost else {}))
    notify(registrar.session, WANTED_CHANNEL, "*")
    return robot


def _left_with(registrar: Registrar, robot: Robot) -> str | None:
    """What of a delivery is still with the robot, as far as that is known; None = nothing."""
    if registrar.desk.settlements(registrar.session, robot.id):
        return "a delivery of its was settled, and it has not been told yet"
    observed = robot.observed or {}
    if observed.get("cargo") == Cargo.PRESENT:
        return "an item is on board"
    if observed.get("delivery_id") and observed.get("kind") == DeliveryKind.DELIVERY:
        return "it is still busy with a delivery"
    return None


def _values(registrar: Registrar, wish: NewRobot | RobotChange, robot: Robot | None) -> dict[str, Any]:
    """The columns that a wish sets."""
    sent = wish.model_dump(exclude_unset=isinstance(wish, RobotChange), exclude={"token", "home_waypoint", "limits"})
    values = {name: value for name, value in sent.items() if value is not None}
    if isinstance(wish, NewRobot):
        values.setdefault("namespace", f"/{wish.robot_name}")
    if "bridge_url" in values and (problem := wrong_with_bridge(values["bridge_url"], registrar.bridge_hosts)):
        raise ValidationFailed({"bridge_url": [problem]})
    if wish.token is not None:
        values["token_encrypted"] = encrypt_token(wish.token.get_secret_value(), registrar.key)
    if wish.limits is not None:
        values["limits"] = wish.limits.model_dump(exclude_none=True)
    if "home_waypoint" in wish.model_fields_set:
        values["home_waypoint_id"] = _home(registrar.session, wish.home_waypoint, robot)
    return values


def _home(session: Session, given: str | None, robot: Robot | None) -> UUID | None:
    if given is None:
        return None
    home = resolve_waypoint(session, given)
    hold_home(session, home, robot)
    return home.id


def _shown(wish: NewRobot) -> dict[str, Any]:
    return wish.model_dump(exclude={"token"}, exclude_none=True)


def _locked(session: Session, robot_id: UUID) -> Robot:
    robot = repository.robot_for_update(session, robot_id)
    if robot is None:
        raise RobotNotFound()
    return robot
