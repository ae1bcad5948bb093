"""What clients send and get about robots, places and the floor."""

import json
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from luna_web.robot.addresses import LONGEST, wrong_with_namespace
from luna_web.robot.domain import RobotStatus
from luna_web.robot.incidents import LogKind
from luna_web.robot.ports import Cargo, Phase
from luna_web.robot.seen import RobotMode, Severity
from luna_web.shared.fields import Input, Output, ShortText, storable


class PlaceKind(StrEnum):
    DESK = "DESK"
    STUDY = "STUDY"
    SHELF = "SHELF"
    RETURN = "RETURN"
    DOCK = "DOCK"
    OTHER = "OTHER"


def _namespace(value: str) -> str:
    if problem := wrong_with_namespace(value):
        raise ValueError(problem)
    return value


def _header_text(value: SecretStr) -> SecretStr:
    if not all("!" <= char <= "~" for char in value.get_secret_value()):
        raise ValueError("must be visible ASCII characters, since it travels in a header")
    return value


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    written = json.dumps(value, ensure_ascii=False)
    if len(written) > METADATA_LENGTH:
        raise ValueError(f"must not be longer than {METADATA_LENGTH} characters as JSON")
    if "\\u0000" in written:
        raise ValueError("must not contain NUL characters")
    storable(written)
    return value


METADATA_LENGTH = 4000
RobotName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Namespace = Annotated[str, AfterValidator(_namespace)]
BridgeUrl = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
Token = Annotated[SecretStr, Field(min_length=16, max_length=512), AfterValidator(_header_text)]
PlaceText = Annotated[ShortText, Field(min_length=1, max_length=120)]
PlaceCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
PlaceName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(storable)
]
Metres = Annotated[float, Field(gt=-100_000, lt=100_000, allow_inf_nan=False)]
Height = Annotated[float, Field(gt=-1000, lt=1000, allow_inf_nan=False)]
Radians = Annotated[float, Field(ge=-6.2832, le=6.2832, allow_inf_nan=False)]
Metadata = Annotated[dict[str, Any], AfterValidator(_metadata)]
StopId = Annotated[ShortText, Field(min_length=1, max_length=64)]


class RobotRefOut(Output):
    id: UUID
    robot_name: str


class PoseOut(Output):
    x: float
    y: float
    yaw: float
    frame: str


class VelocityOut(Output):
    linear: float = Field(description="m/s")
    angular: float = Field(description="rad/s")


class FaultOut(Output):
    code: str
    severity: Severity
    text: str


class EstopOut(Output):
    """`engaged`: nothing can move. `id` names the stop that a release must name."""

    engaged: bool
    id: str | None
    reason: str | None
    by: str | None = Field(description="Told to staff only")
    since: datetime | None
    confirmed: bool = Field(description="The robot itself says what `engaged` says")


class CurrentTaskOut(Output):
    task_id: UUID
    task_type: str
    phase: Phase | None
    destination: str
    distance_remaining: float | None = Field(description="Metres of the leg in hand")
    eta_seconds: float | None


class SensorData(Output):
    """What else the robot says of itself."""

    docked: bool
    localized: bool
    suspended: bool
    paused: bool
    maintenance: bool
    link_up: bool
    cargo: Cargo
    map_id: str
    waypoints_version: int


class RobotOut(Output):
    id: UUID
    robot_name: str
    status: RobotStatus
    mode: RobotMode
    current_location: str | None = Field(description="Code of the nearest waypoint")
    pose: PoseOut | None
    velocity: VelocityOut | None
    battery_level: float | None = Field(description="0 to 1")
    charging: bool | None
    sensor_data: SensorData | None
    current_task: CurrentTaskOut | None
    faults: list[FaultOut]
    estop: EstopOut
    online: bool
    observed_at: datetime | None = Field(description="When the robot said what is told here")
    age_seconds: float | None = Field(description="How old that is; beyond five the robot is not online")
    last_heartbeat: datetime | None
    software_version: str | None


class Limits(Input):
    """What a robot can do less of, or needs more of, than others."""

    min_battery: float | None = Field(
        None, ge=0.2, le=0.95, description="Charge, 0 to 1, below which it gets no new delivery"
    )
    radius: float | None = Field(None, ge=0.05, le=1.0, description="Metres that it needs around its centre")


class NewRobot(Input):
    robot_name: RobotName
    namespace: Namespace | None = Field(None, description="ROS namespace; `/` and the name unless given")
    bridge_url: BridgeUrl
    token: Token
    home_waypoint: PlaceText | None = Field(None, description="Code or name")
    limits: Limits = Limits()


class RobotChange(Input):
    """What is sent changes; `home_waypoint` null = none."""

    robot_name: RobotName | None = None
    namespace: Namespace | None = None
    bridge_url: BridgeUrl | None = None
    token: Token | None = None
    home_waypoint: PlaceText | None = None
    limits: Limits | None = None


class RegistrationOut(Output):
    """How a robot is reached. Its token is never shown."""

    namespace: str
    bridge_url: str
    home_waypoint: str | None = Field(description="Code")
    limits: Limits
    version: int
    created_at: datetime


class RegisteredRobotOut(RobotOut):
    registration: RegistrationOut | None = Field(description="For administrators; null to others")


class RemovedRobotOut(Output):
    id: UUID
    deleted_at: datetime


class NewPlace(Input):
    location_code: PlaceCode
    name: PlaceName
    kind: PlaceKind
    x_coordinate: Metres
    y_coordinate: Metres
    z_coordinate: Height = 0.0
    yaw: Radians = 0.0
    metadata: Metadata = Field(default_factory=dict)
    is_active: bool = True


class PlaceChange(Input):
    """What is sent changes."""

    location_code: PlaceCode | None = None
    name: PlaceName | None = None
    kind: PlaceKind | None = None
    x_coordinate: Metres | None = None
    y_coordinate: Metres | None = None
    z_coordinate: Height | None = None
    yaw: Radians | None = None
    metadata: Metadata | None = None
    is_active: bool | None = None


class RemovedPlaceOut(Output):
    id: UUID
    deleted_at: datetime


class QueuedTaskOut(Output):
    """A task that waits for a robot; `position` from 1."""

    position: int
    task_id: UUID
    task_type: str
    priority: str
    item_description: str
    source_location: str | None
    destination_location: str
    attempt: int
    waiting_since: datetime
    not_before: datetime | None
    waits_for_opening: bool = Field(description="The library is closed: no robot sets off to a reader before it opens")
    expected_robot: RobotRefOut | None = Field(description="Which robot will take it as things stand, if that is known")


class WaypointOut(Output):
    id: UUID
    location_code: str
    name: str
    kind: str
    x_coordinate: float
    y_coordinate: float
    z_coordinate: float
    yaw: float
    is_active: bool
    metadata: dict[str, Any]
    version: int


class OriginOut(Output):
    x: float
    y: float
    yaw: float


class MapOut(Output):
    """The floor; `origin` is the pose of the image's lower left corner in the frame `map`."""

    map_id: str
    name: str
    frame: str
    resolution: float = Field(description="Metres a pixel")
    width: int
    height: int
    origin: OriginOut
    image_url: str
    waypoints_version: int
    checksum: str


class StopIn(Input):
    reason: ShortText = ""


class ReleaseIn(Input):
    estop_id: StopId


class MaintenanceIn(Input):
    maintenance: bool = Field(True, description="False = back in service")


class NoInput(Input):
    """An empty object, or nothing."""


class RobotStopOut(Output):
    robot_id: UUID
    robot_name: str
    estop_id: str
    confirmed: bool = Field(description="The robot says that it is stopped")
    recorded: bool = Field(description="The stop is in the database")
    problem: str | None


class StopOut(Output):
    estop_id: str
    robots: list[RobotStopOut]


class LogEntryOut(Output):
    """The robot at one moment; `kinds` is what had changed by then, or SAMPLE."""

    at: datetime
    kinds: list[LogKind]
    mode: RobotMode
    x: float | None
    y: float | None
    yaw: float | None
    battery_level: float | None
    current_location: str | None
    delivery_id: str | None
    estop_id: str | None
    faults: list[str]


class HistoryOut(Output):
    """Entries, oldest first. `step_seconds` null = all that the log has; else the last change of each step."""

    robot_id: UUID
    since: datetime
    until: datetime
    kind: LogKind | None
    step_seconds: float | None
    entries: list[LogEntryOut]


class UsageOut(Output):
    distance: float = Field(description="Metres driven")
    online_seconds: float
    busy_seconds: float = Field(description="With a delivery in hand")
    utilisation: float | None = Field(description="Busy share of the time online, 0 to 1")


class OutcomeCountOut(Output):
    task_type: str
    outcome: str
    count: int


class ReasonCountOut(Output):
    outcome: str
    reason: str | None
    count: int


class DayOut(Output):
    day: date
    deliveries: list[OutcomeCountOut]
    usage: UsageOut


class QuantilesOut(Output):
    p50: float | None = Field(description="Seconds within which half were done")
    p95: float | None = Field(description="Seconds within which 95 of 100 were done")


class DurationsOut(Output):
    """Of completed deliveries of a type, null = of all."""

    task_type: str | None
    count: int
    total: QuantilesOut = Field(description="From the wish to the end")
    waiting: QuantilesOut = Field(description="In the queue")
    carried_out: QuantilesOut = Field(description="From setting off to the end")


class RobotFiguresOut(Output):
    robot_id: UUID
    robot_name: str
    completed: int
    usage: UsageOut


class TotalsOut(Output):
    deliveries: int
    outcomes: dict[str, int]
    usage: UsageOut


class FiguresOut(Output):
    """Deliveries that ended on these days, and what robots did on them; days as in `time_zone`."""

    first_day: date
    last_day: date
    time_zone: str
    robot_id: UUID | None
    totals: TotalsOut
    by_day: list[DayOut]
    durations: list[DurationsOut]
    reasons: list[ReasonCountOut]
    robots: list[RobotFiguresOut]
