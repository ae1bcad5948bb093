"""What the robot says: status, deliveries, journal, answers."""

from __future__ import annotations

import json
import math
from typing import Any

from builtin_interfaces.msg import Time
from luna_interfaces.msg import (
    Deliveries,
    DeliveryState,
    JournalEntry,
    RobotStatus,
)
from luna_interfaces.msg import Fault as FaultMsg

from luna_robot.conversions.basics import (
    MAP,
    or_nan,
    time_msg,
)
from luna_robot.delivery.events import (
    Answer,
)
from luna_robot.delivery.model import (
    MOVING_PHASES,
    Delivery,
    Entry,
)
from luna_robot.faults import Fault
from luna_robot.navigation.port import Progress
from luna_robot.status import RobotView

MAX_DETAIL = 2000


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


def fill_answer(response: Any, answer: Answer, progress: Progress) -> Any:
    """Verdict, error and message into any response; the state where the response has one."""
    response.verdict, response.error_code = int(answer.verdict), int(answer.error)
    response.message = answer.message[:256]
    if hasattr(response, "state"):
        response.state = delivery_state(answer.delivery, progress)
    return response
