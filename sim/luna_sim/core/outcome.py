"""How a task of a robot ends, in Nav2's terms, and what it tells while it runs."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Code(IntEnum):
    """Error codes of Nav2 (Jazzy) that the simulator gives.

    Sources: nav2_msgs/action FollowPath (1xx), ComputePathToPose (2xx), ComputePathThroughPoses (3xx),
    FollowWaypoints (6xx), DockRobot and UndockRobot (9xx).
    """

    NONE = 0
    FAILED_TO_MAKE_PROGRESS = 105
    TF_ERROR = 202
    START_OUTSIDE_MAP = 203
    GOAL_OUTSIDE_MAP = 204
    START_OCCUPIED = 205
    GOAL_OCCUPIED = 206
    NO_VALID_PATH = 208
    THROUGH_TF_ERROR = 302
    THROUGH_START_OUTSIDE_MAP = 303
    THROUGH_GOAL_OUTSIDE_MAP = 304
    THROUGH_START_OCCUPIED = 305
    THROUGH_GOAL_OCCUPIED = 306
    THROUGH_NO_VALID_PATH = 308
    NO_VIAPOINTS_GIVEN = 309
    WAYPOINTS_UNKNOWN = 600
    DOCK_NOT_IN_DB = 901
    DOCK_NOT_VALID = 902
    FAILED_TO_STAGE = 903
    FAILED_TO_DETECT_DOCK = 904
    FAILED_TO_CONTROL = 905
    FAILED_TO_CHARGE = 906
    DOCKING_UNKNOWN = 999


class Ending(StrEnum):
    """The terminal states of an action."""

    SUCCEEDED = "SUCCEEDED"
    ABORTED = "ABORTED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended. ABORTED with code NONE: another goal took over."""

    ending: Ending
    code: int = Code.NONE
    message: str = ""


SUCCEEDED = Outcome(Ending.SUCCEEDED)
CANCELED = Outcome(Ending.CANCELED)
PREEMPTED = Outcome(Ending.ABORTED)


def failed(code: int, message: str) -> Outcome:
    return Outcome(Ending.ABORTED, code, message)


class Stage(IntEnum):
    """What a task is at; the values are those of DockRobot's feedback."""

    NONE = 0
    NAV_TO_STAGING_POSE = 1
    INITIAL_PERCEPTION = 2
    CONTROLLING = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is."""

    elapsed: float
    """Seconds of simulated time since the task began."""
    distance_remaining: float
    """Metres along the path."""
    time_remaining: float
    """Seconds."""
    recoveries: int
    stage: Stage = Stage.NONE
