"""What people and the queue want of a robot, as the database has it."""

from dataclasses import dataclass
from enum import StrEnum

from luna_web.robot.ports import Settlement, Stop, WantedDelivery


class StopState(StrEnum):
    """What is wanted of the emergency stop. A stop that was released at the robot is NONE again."""

    NONE = "NONE"
    ENGAGE = "ENGAGE"
    RELEASE = "RELEASE"


@dataclass(frozen=True, slots=True)
class WantedStop:
    state: StopState = StopState.NONE
    stop_id: str = ""
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class WantedResume:
    """A person's word that the robot may go on after this very stop."""

    stop_id: str
    by: str


@dataclass(frozen=True, slots=True)
class GoalSent:
    """The goal written down before it was sent, and the robot's journal that it was meant for."""

    task_id: str
    attempt: int
    journal_id: str


@dataclass(frozen=True, slots=True)
class WantedRobot:
    """Everything the controller compares with what it sees.

    `home` is where the robot goes when it is idle; `waypoints_version` 0 = no map is loaded. `undock`: it shall stand
    off its dock. `min_battery` (0…1) is what this robot needs for a new delivery beyond what every robot does.
    """

    robot_name: str
    stop: WantedStop = WantedStop()
    resume: WantedResume | None = None
    paused: bool = False
    maintenance: bool = False
    by: str = ""
    send_home: bool = False
    undock: bool = False
    min_battery: float = 0.0
    home: Stop | None = None
    map_id: str = ""
    waypoints_version: int = 0
    delivery: WantedDelivery | None = None
    goal_sent: GoalSent | None = None
    settlements: tuple[Settlement, ...] = ()
