"""The only place where messages become domain values and back, a module for each family of messages.

NaN in a message means unknown, and so does `None` in a domain value. Durations and times are seconds and nanoseconds
in the domain.
"""

from luna_robot.conversions.basics import (
    MAP,
    Malformed,
    nanoseconds,
    or_nan,
    or_none,
    pose,
    pose_msg,
    pose_stamped,
    seconds,
    time_msg,
    transform,
    variances,
    waypoint,
)
from luna_robot.conversions.commands import (
    cancel_asked,
    goal_offered,
    handover_confirmed,
    maintenance_set,
    pause_set,
    recovery_resolved,
    resume_asked,
    waypoints_set,
)
from luna_robot.conversions.link import (
    drive_order,
    drive_order_msg,
    navigation_state,
    navigation_view,
    waypoint_table,
    waypoints_msg,
)
from luna_robot.conversions.safety import safety_state, safety_view
from luna_robot.conversions.telling import (
    deliveries,
    delivery_state,
    fault_msg,
    fill_answer,
    journal_entry,
    robot_status,
)
from luna_robot.conversions.tools import diagnostic_array, marker_array

__all__ = [
    "MAP",
    "Malformed",
    "cancel_asked",
    "deliveries",
    "delivery_state",
    "diagnostic_array",
    "drive_order",
    "drive_order_msg",
    "fault_msg",
    "fill_answer",
    "goal_offered",
    "handover_confirmed",
    "journal_entry",
    "maintenance_set",
    "marker_array",
    "nanoseconds",
    "navigation_state",
    "navigation_view",
    "or_nan",
    "or_none",
    "pause_set",
    "pose",
    "pose_msg",
    "pose_stamped",
    "recovery_resolved",
    "resume_asked",
    "robot_status",
    "safety_state",
    "safety_view",
    "seconds",
    "time_msg",
    "transform",
    "variances",
    "waypoint",
    "waypoint_table",
    "waypoints_msg",
    "waypoints_set",
]
