"""What the safety supervisor tells."""

from __future__ import annotations

from luna_interfaces.msg import (
    SafetyState,
)

from luna_robot.conversions.basics import (
    nanoseconds,
    time_msg,
)
from luna_robot.conversions.telling import fault_msg
from luna_robot.faults import Fault, Severity
from luna_robot.safety.view import SafetyView


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
