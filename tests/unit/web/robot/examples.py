"""Robots and deliveries to reason about."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from luna_web.robot.ports import (
    Arrival,
    Cargo,
    DeliveryKind,
    Handover,
    Outcome,
    Phase,
    Pose,
    RobotError,
    SeenDelivery,
    Stop,
    WantedDelivery,
)
from luna_web.robot.seen import RobotMode, Seen, SeenDeliveries, SeenRobot
from luna_web.robot.wanted import GoalSent, WantedRobot

TASK = UUID("01890000-0000-7000-8000-000000000001")
NOW = 1000.0
HOME = Stop("DOCK-1", Pose(1.0, 1.0, 0.0), arrival=Arrival.DOCK)


def robot(**changes: Any) -> SeenRobot:
    """A robot that stands at its dock, wants for nothing, and could take a delivery."""
    idle = SeenRobot(
        robot_name="luna1", stamp=0.0, frame="map", boot_id="boot", journal_id="journal", journal_seq=1, epoch=1,
        mode=RobotMode.DOCKED, pose=Pose(1.0, 1.0, 0.0), linear_velocity=0.0, angular_velocity=0.0,
        nearest_waypoint="DOCK-1", map_id="library", waypoints_version=1, battery=0.9, charging=True, docked=True,
        estopped=False, estop_id="", estop_reason="", estop_by="", suspended=False, paused=False, maintenance=False,
        localized=True, link_up=True, cargo=Cargo.ABSENT, faults=(), delivery_id="", attempt=0,
        kind=DeliveryKind.DELIVERY, phase=Phase.NONE, handover_seq=0, destination="", distance_remaining=None,
        estimated_time_remaining=None, software_version="1",
    )  # fmt: skip
    return replace(idle, **changes)


def delivery(**changes: Any) -> SeenDelivery:
    """The task on its way to the pickup."""
    driving = SeenDelivery(
        delivery_id=str(TASK), attempt=1, kind=DeliveryKind.DELIVERY, phase=Phase.TO_PICKUP, outcome=Outcome.NONE,
        error=RobotError.NONE, message="", stop_index=0, handover_seq=0, cargo=Cargo.ABSENT, cancel_requested=False,
        distance_remaining=5.0, estimated_time_remaining=20.0, timeout_remaining=None, changed_at=1.0,
        journal_id="journal", journal_seq=1,
    )  # fmt: skip
    return replace(driving, **changes)


def deliveries(active: SeenDelivery | None = None, *recent: SeenDelivery, **changes: Any) -> SeenDeliveries:
    return replace(SeenDeliveries("luna1", "boot", "journal", 1, active, recent), **changes)


def seen(
    robot_: SeenRobot | None = None, told: SeenDeliveries | None = None, *, age: float = 0.0, idle: float = 0.0
) -> Seen:
    return Seen(robot_ or robot(), NOW - age, told or deliveries(), NOW - idle)


def task(**changes: Any) -> WantedDelivery:
    stops = (
        Stop("DESK-1", Pose(6.0, 7.0, 0.0), Handover.LOAD, timeout=600.0),
        Stop("STUDY-1", Pose(30.0, 5.0, 0.0), Handover.UNLOAD, timeout=300.0),
    )
    return replace(WantedDelivery(TASK, 1, "trace-1", stops, stops[0]), **changes)


def wanted(**changes: Any) -> WantedRobot:
    """Nothing is wanted but that the robot has its places."""
    return replace(WantedRobot("luna1", map_id="library", waypoints_version=1, home=HOME), **changes)


def sent(attempt: int = 1, journal_id: str = "journal") -> GoalSent:
    return GoalSent(str(TASK), attempt, journal_id)
