"""What clients send and get about robots, places and the floor."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from luna_web.robot.addresses import LONGEST, wrong_with_namespace
from luna_web.robot.domain import RobotStatus
from luna_web.robot.ports import Cargo, Phase
from luna_web.robot.seen import RobotMode, Severity
from luna_web.shared.fields import Input, Output, ShortText


def _namespace(value: str) -> str:
    if problem := wrong_with_namespace(value):
        raise ValueError(problem)
    return value


def _header_text(value: SecretStr) -> SecretStr:
    if not all("!" <= char <= "~" for char in value.get_secret_value()):
        raise ValueError("must be visible ASCII characters, since it travels in a header")
    return value


RobotName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Namespace = Annotated[str, AfterValidator(_namespace)]
BridgeUrl = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
Token = Annotated[SecretStr, Field(min_length=16, max_length=512), AfterValidator(_header_text)]
PlaceText = Annotated[ShortText, Field(min_length=1, max_length=120)]
StopId = Annotated[ShortText, Field(min_length=1, max_length=64)]


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
    by: str | None
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
