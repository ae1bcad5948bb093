"""Every parameter of the onboard nodes: default, meaning, range, and whether it may change while the node runs.

A change takes effect for what begins next: the next try, hand-over or reading. What says who the robot is, where it
keeps its files, and when it must stand still is read once, at the start. `config/robot.yaml` holds the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luna_robot.battery import BatteryLimits
from luna_robot.delivery.events import Policy
from luna_robot.keepout import NOWHERE, KeepoutError, KeepoutZones, load_keepout
from luna_robot.navigation.driver import RetryPolicy
from luna_robot.navigation.localization import LocalizationLimits
from luna_robot.safety.bounds import Bounds
from luna_robot.safety.senses import SenseLimits

Values = Mapping[str, Any]
"""By name, as ROS gives them."""


class WrongParameter(ValueError):
    """A value that a node cannot work with; the text names the parameter, the value, and what would be right."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """`low` and `high` belong to numbers, both included; `choices` to texts of which there are only so many."""

    name: str
    default: bool | int | float | str | tuple[str, ...]
    meaning: str
    low: float = 0.0
    high: float = 0.0
    changeable: bool = False
    choices: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """What a right value is."""
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, float):
            return f"a number with a decimal point from {self.low} to {self.high} ({self.meaning})"
        if isinstance(self.default, int):
            return f"a whole number from {self.low:.0f} to {self.high:.0f} ({self.meaning})"
        if self.choices:
            return f"{' or '.join(self.choices)} ({self.meaning})"
        return f"{'text' if isinstance(self.default, str) else 'a list of texts'} ({self.meaning})"

    def check(self, value: object) -> None:
        """Raises WrongParameter. Whole numbers do not pass for others: ROS tells the two apart."""
        kind = list if isinstance(self.default, tuple) else type(self.default)
        right = type(value) is kind
        if right and isinstance(value, int | float) and not isinstance(value, bool):
            right = self.low <= value <= self.high
        if right and self.choices:
            right = value in self.choices
        if not right:
            raise WrongParameter(f"parameter {self.name} is {value!r}, must be {self.wanted}")


LOCALIZATION = (
    Parameter("localization_silence", 1.5, "s without a new map-odom transform", 0.1, 60.0),
    Parameter("position_variance", 0.2, "m^2, variance of x and y from which on the pose is not trusted", 0.0, 100.0),
    Parameter("heading_variance", 0.25, "rad^2, variance of the heading from which on it is not trusted", 0.0, 10.0),
)
KEEPOUT_MASK = Parameter("keepout_mask", "", "map_server file (YAML) of zones not to be entered; empty = none")
STATE_DIR = Parameter("state_dir", "", "folder of what must survive a restart; empty = ~/.ros/luna_robot")
ROBOT_NAME = Parameter("robot_name", "luna", "name that the web tier knows the robot by")

WAYPOINT_NAVIGATOR = (
    Parameter("attempts", 3, "tries to reach a place, with clean costmaps in between", 1, 20, changeable=True),
    Parameter("retry_pause", 2.0, "s between a failure and the next try", 0.0, 60.0, changeable=True),
    Parameter("stuck_after", 60.0, "s without displacement after which a try has failed", 5.0, 600.0, changeable=True),
    Parameter("stuck_within", 0.3, "m that count as displacement", 0.05, 5.0, changeable=True),
    *LOCALIZATION,
    Parameter("navigation", "nav2_actions", "way to Nav2", choices=("nav2_actions", "simple_commander")),
    Parameter("docking", "nav2", "who docks: Nav2's docking server or the base itself", choices=("nav2", "create3")),
    Parameter("dock_type", "", "type of dock for Nav2's docking server"),
    Parameter("dock_approach", 0.7, "m in front of the dock, where a Create 3 begins to dock", 0.2, 2.0),
    KEEPOUT_MASK,
)
TASK_EXECUTOR = (
    STATE_DIR,
    ROBOT_NAME,
    KEEPOUT_MASK,
    Parameter("clearing", 30.0, "s to stand still when nobody loaded, or after a cancel", 0.0, 600.0, changeable=True),
    Parameter("link_silence", 5.0, "s without a controller's heartbeat", 1.0, 60.0, changeable=True),
    Parameter(
        "link_loss_hold", 1800.0, "s without a link after which a hand-over has no limit", 1.0, 1e6, changeable=True
    ),
    Parameter("lock_silence", 0.6, "s without topic estop that count as locked", 0.2, 5.0),
    Parameter("pose_grace", 15.0, "s after a start to be told the pose", 1.0, 600.0),
    Parameter("timer_save_period", 5.0, "s between two savings of the timers", 1.0, 60.0, changeable=True),
    Parameter("battery_low", 0.20, "0..1, below: no new delivery", 0.0, 1.0, changeable=True),
    Parameter("battery_reserve", 0.12, "0..1, below: fallback or dock after the hand-over", 0.0, 1.0, changeable=True),
    Parameter("battery_empty", 0.06, "0..1, below: stop and await recovery", 0.0, 1.0, changeable=True),
    Parameter("battery_margin", 0.02, "0..1, so much above a limit its level is left", 0.0, 0.2, changeable=True),
    Parameter(
        "battery_unknown_after", 30.0, "s without a reading: no new delivery", 1.0, 600.0, changeable=True
    ),
)  # fmt: skip
STATUS_PUBLISHER = (
    ROBOT_NAME,
    Parameter("map_id", "", "map that the robot starts with, for people"),
)
ONBOARD = ("waypoint_navigator", "task_executor", "status_publisher")
SAFETY_SUPERVISOR = (
    STATE_DIR,
    ROBOT_NAME,
    Parameter("nodes", ONBOARD, f"nodes whose heartbeat must not fall silent, {', '.join(ONBOARD)} among them"),
    Parameter("heartbeat_silence", 0.6, "s of silence that stop the robot", 0.3, 5.0),
    Parameter("odometry_silence", 1.0, "s without odometry that stop the robot", 0.3, 10.0),
    Parameter("sensor_absence", 5.0, "s without a publisher of hazard_detection or kidnap_status", 1.0, 60.0),
    Parameter("enable_stamped_cmd_vel", True, "whether the base takes cmd_vel as TwistStamped; false = as Twist"),
    Parameter("speed_limit", 0.306, "m/s, as fast as the robot may drive", 0.05, 5.0),
    Parameter("speed_margin", 0.05, "m/s above the limit that still count as kept", 0.0, 1.0),
    KEEPOUT_MASK,
    *LOCALIZATION,
)


def check(parameters: Sequence[Parameter], values: Values) -> None:
    """Each value by itself. Raises WrongParameter for the first that is wrong."""
    for parameter in parameters:
        parameter.check(values[parameter.name])


def localization_limits(values: Values) -> LocalizationLimits:
    return LocalizationLimits(*(values[parameter.name] for parameter in LOCALIZATION))


def keepout_zones(values: Values) -> KeepoutZones:
    """Raises WrongParameter for a mask that cannot be read."""
    if not values["keepout_mask"]:
        return NOWHERE
    try:
        return load_keepout(Path(values["keepout_mask"]))
    except KeepoutError as error:
        raise WrongParameter(f"parameter keepout_mask: {error}") from None


def supervision(values: Values) -> Bounds:
    """Raises WrongParameter for a mask that cannot be read, and where a node of LUNA's would not be watched."""
    unwatched = [node for node in ONBOARD if node not in values["nodes"]]
    if unwatched:
        raise WrongParameter(f"parameter nodes is {values['nodes']!r}, lacks {', '.join(unwatched)}")
    return Bounds(values["speed_limit"] + values["speed_margin"], keepout_zones(values))


def sense_limits(values: Values) -> SenseLimits:
    return SenseLimits(odometry=values["odometry_silence"], absence=values["sensor_absence"])


def retry_policy(values: Values) -> RetryPolicy:
    return RetryPolicy(
        attempts=values["attempts"],
        pause=values["retry_pause"],
        stuck_after=values["stuck_after"],
        stuck_within=values["stuck_within"],
    )


def delivery_policy(values: Values) -> Policy:
    return Policy(clearing=values["clearing"], link_loss_hold=values["link_loss_hold"])


def battery_limits(values: Values) -> BatteryLimits:
    """Raises WrongParameter where the levels are not in order, each more than the margin above the next."""
    low, reserve, empty = values["battery_low"], values["battery_reserve"], values["battery_empty"]
    margin = values["battery_margin"]
    if not (low > reserve + margin and reserve > empty + margin):
        raise WrongParameter(
            f"parameters battery_low {low}, battery_reserve {reserve}, battery_empty {empty}: each must be more than "
            f"battery_margin ({margin}) above the next"
        )
    return BatteryLimits(low, reserve, empty, margin, values["battery_unknown_after"])
