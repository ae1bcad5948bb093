"""What a robot says of itself, as values of ours. Units as in `luna_interfaces/RobotStatus`; None = unknown."""

from dataclasses import dataclass
from enum import StrEnum

from luna_web.robot.ports import Cargo, DeliveryKind, Phase, Pose, SeenDelivery

FRESH_SECONDS = 2.0
"""Nothing is sent to a robot whose last status is older: the link may be frozen and deliver it any time later."""
SILENT_SECONDS = 5.0
"""A robot not heard of for so long is offline, whatever its socket says."""


class RobotMode(StrEnum):
    """`RobotStatus.MODE_*`, and OFFLINE for a robot that is not heard."""

    STARTING = "STARTING"
    ESTOPPED = "ESTOPPED"
    RECOVERY = "RECOVERY"
    ERROR = "ERROR"
    MAINTENANCE = "MAINTENANCE"
    SUSPENDED = "SUSPENDED"
    PAUSED = "PAUSED"
    WAITING_LOAD = "WAITING_LOAD"
    WAITING_UNLOAD = "WAITING_UNLOAD"
    NAVIGATING = "NAVIGATING"
    CLEARING = "CLEARING"
    CHARGING = "CHARGING"
    DOCKED = "DOCKED"
    IDLE = "IDLE"
    OFFLINE = "OFFLINE"


class Severity(StrEnum):
    WARNING = "WARNING"
    URGENT = "URGENT"
    CRITICAL = "CRITICAL"
    FATAL = "FATAL"


@dataclass(frozen=True, slots=True)
class SeenFault:
    code: str
    severity: Severity
    text: str
    since: float


@dataclass(frozen=True, slots=True)
class SeenRobot:
    """One `status` message. `stamp` is ROS time in seconds; estimates belong to the leg in hand."""

    robot_name: str
    stamp: float
    frame: str
    boot_id: str
    journal_id: str
    journal_seq: int
    epoch: int
    mode: RobotMode
    pose: Pose
    linear_velocity: float
    angular_velocity: float
    nearest_waypoint: str
    map_id: str
    waypoints_version: int
    battery: float | None
    charging: bool
    docked: bool
    estopped: bool
    estop_id: str
    estop_reason: str
    estop_by: str
    suspended: bool
    paused: bool
    maintenance: bool
    localized: bool
    link_up: bool
    cargo: Cargo
    faults: tuple[SeenFault, ...]
    delivery_id: str
    attempt: int
    kind: DeliveryKind
    phase: Phase
    handover_seq: int
    destination: str
    distance_remaining: float | None
    estimated_time_remaining: float | None
    software_version: str

    @property
    def carries_out_delivery(self) -> bool:
        """Whether a delivery is in hand; a PARK goal, which gives way, is none."""
        return self.delivery_id != "" and self.kind is DeliveryKind.DELIVERY

    @property
    def takes_nothing_new(self) -> bool:
        """Whether a fault says that no delivery may start."""
        return any(fault.severity is not Severity.WARNING for fault in self.faults)


@dataclass(frozen=True, slots=True)
class SeenDeliveries:
    """One `deliveries` message: what is in hand, and the last finished ones, newest first."""

    robot_name: str
    boot_id: str
    journal_id: str
    journal_seq: int
    active: SeenDelivery | None
    recent: tuple[SeenDelivery, ...]

    def find(self, delivery_id: str, attempt: int) -> SeenDelivery | None:
        """This attempt of this delivery, running or finished."""
        known = (self.active, *self.recent) if self.active else self.recent
        return next((d for d in known if d and d.delivery_id == delivery_id and d.attempt == attempt), None)


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of a robot at one moment. Times are of the steady clock of this process, in seconds."""

    robot: SeenRobot
    robot_at: float
    deliveries: SeenDeliveries | None
    idle_since: float | None = None

    def fresh(self, now: float) -> bool:
        return now - self.robot_at <= FRESH_SECONDS
