"""Tables of robots: the robots, who leads each, the floor they drive on."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Double, ForeignKey, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from luna_web.shared.database import Base
from luna_web.shared.models import Timestamps, UuidKey


class Map(UuidKey, Timestamps, Base):
    """A floor. Lengths in metres; the origin is the pose of the image's lower left corner in the frame `map`.

    `image` is for people, `grid` for the floor that is free to drive on: both PNG, a pixel a cell.
    `waypoints_version` grows with every change of its waypoints; robots are brought up to it.
    """

    __tablename__ = "maps"

    map_id: Mapped[str]
    name: Mapped[str]
    waypoints_version: Mapped[int]
    resolution: Mapped[float] = mapped_column(Double)
    width: Mapped[int]
    height: Mapped[int]
    origin_x: Mapped[float] = mapped_column(Double)
    origin_y: Mapped[float] = mapped_column(Double)
    origin_yaw: Mapped[float] = mapped_column(Double)
    image: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    grid: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    checksum: Mapped[str]


class Waypoint(UuidKey, Timestamps, Base):
    """A named place, metres and radians in the frame `map`. `of_floor`: it came with the floor, and goes with it."""

    __tablename__ = "waypoints"

    map_id: Mapped[UUID] = mapped_column(ForeignKey("maps.id"))
    location_code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    x: Mapped[float] = mapped_column(Double)
    y: Mapped[float] = mapped_column(Double)
    z: Mapped[float] = mapped_column(Double, default=0.0)
    yaw: Mapped[float] = mapped_column(Double)
    details: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, default=dict)
    is_active: Mapped[bool] = mapped_column(default=True)
    of_floor: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    deleted_at: Mapped[datetime | None]


class Robot(UuidKey, Timestamps, Base):
    """A robot: how it is reached, what is wanted of it, and what was last seen of it.

    Only the controller that holds the lease writes what was seen and what was sent; requests write what is wanted.
    `version` counts its events, `registration_version` what administrators change. `odometer` is in metres.
    """

    __tablename__ = "robots"

    robot_name: Mapped[str]
    namespace: Mapped[str]
    bridge_url: Mapped[str]
    token_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    home_waypoint_id: Mapped[UUID | None] = mapped_column(ForeignKey("waypoints.id"))
    limits: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    registration_version: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    deleted_at: Mapped[datetime | None]

    stop_state: Mapped[str] = mapped_column(default="NONE")
    stop_id: Mapped[str | None]
    stop_reason: Mapped[str | None]
    stop_by: Mapped[str | None]
    stop_since: Mapped[datetime | None]
    wish_at: Mapped[datetime | None]
    resume_id: Mapped[str | None]
    resume_by: Mapped[str | None]
    paused: Mapped[bool] = mapped_column(default=False)
    maintenance: Mapped[bool] = mapped_column(default=False)
    settings_by: Mapped[str | None]
    send_home: Mapped[bool] = mapped_column(default=False)
    undock: Mapped[bool] = mapped_column(default=False)

    goal_task_id: Mapped[UUID | None]
    goal_attempt: Mapped[int | None]
    goal_journal_id: Mapped[str | None]

    status: Mapped[str] = mapped_column(default="ERROR")
    mode: Mapped[str] = mapped_column(default="OFFLINE")
    current_location: Mapped[str | None]
    x: Mapped[float | None] = mapped_column(Double)
    y: Mapped[float | None] = mapped_column(Double)
    yaw: Mapped[float | None] = mapped_column(Double)
    battery_level: Mapped[float | None] = mapped_column(Double)
    boot_id: Mapped[str | None]
    journal_id: Mapped[str | None]
    journal_seq: Mapped[int | None] = mapped_column(BigInteger)
    observed: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    last_heartbeat: Mapped[datetime | None]
    heard_since: Mapped[datetime | None]
    silence_told_at: Mapped[datetime | None]
    odometer: Mapped[float] = mapped_column(Double, default=0.0)
    logged_at: Mapped[datetime | None]


class RobotLease(Base):
    """Who leads a robot, by the database's clock. Each acquisition raises `epoch`."""

    __tablename__ = "robot_leases"

    robot_id: Mapped[UUID] = mapped_column(ForeignKey("robots.id", ondelete="CASCADE"), primary_key=True)
    holder: Mapped[UUID | None]
    epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    expires_at: Mapped[datetime]


class RobotStatusLog(Base):
    """What a robot said of itself at one moment: `kinds` is what had changed, or SAMPLE. Monthly partitions."""

    __tablename__ = "robot_status_logs"

    robot_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    mode: Mapped[str]
    x: Mapped[float | None] = mapped_column(Double)
    y: Mapped[float | None] = mapped_column(Double)
    yaw: Mapped[float | None] = mapped_column(Double)
    battery_level: Mapped[float | None] = mapped_column(Double)
    current_location: Mapped[str | None]
    delivery_id: Mapped[str | None]
    estop_id: Mapped[str | None]
    faults: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)


class RobotUsage(Base):
    """What a robot did in the quarter of an hour that begins at `at`; metres and seconds."""

    __tablename__ = "robot_usage"

    robot_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    distance: Mapped[float] = mapped_column(Double)
    online_seconds: Mapped[float] = mapped_column(Double)
    busy_seconds: Mapped[float] = mapped_column(Double)
