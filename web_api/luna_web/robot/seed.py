"""The floor and the robots as configuration brings them in: by the command line, as often as one likes."""

import functools
import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session

from luna_web.robot import repository
from luna_web.robot.addresses import wrong_with_bridge
from luna_web.robot.errors import HomeTaken, LocationInactive, RegistrationTaken, UnknownLocation
from luna_web.robot.grid import BadGrid, both_free, free_cells
from luna_web.robot.models import Map, Robot, Waypoint
from luna_web.robot.newcomers import hold_home, make_known, take_up_again, write
from luna_web.robot.service import WaypointView, resolve_waypoint
from luna_web.robot.tokens import TokenUnreadable, decrypt_token, encrypt_token
from luna_web.shared.audit import audit
from luna_web.shared.ids import new_id
from luna_web.shared.outbox import WANTED_CHANNEL, notify

Metres = Annotated[float, Field(gt=-100_000, lt=100_000, allow_inf_nan=False)]
Radians = Annotated[float, Field(ge=-6.2832, le=6.2832, allow_inf_nan=False)]


class FloorError(Exception):
    """The floor's folder lacks a file, or one of them is not what it should be."""


class RegistrationError(Exception):
    """A robot cannot be registered like this."""


class FloorWaypoint(BaseModel):
    """A waypoint as the floor's folder has it; what it says beyond these fields is kept as metadata."""

    model_config = ConfigDict(extra="allow", frozen=True)

    location_code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    name: Annotated[str, Field(min_length=1, max_length=120)]
    kind: Literal["DESK", "STUDY", "SHELF", "RETURN", "DOCK", "OTHER"]
    x: Metres
    y: Metres
    z: Metres = 0.0
    yaw: Radians


class _WaypointsFile(BaseModel):
    map_id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    version: Annotated[int, Field(ge=1, lt=2**31)]
    name: str | None = None
    waypoints: Annotated[list[FloorWaypoint], Field(min_length=1, max_length=1000)]


FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,100}$")]


class _MaskFile(BaseModel):
    """What map_server's files say of the cells that are free."""

    image: FileName
    negate: bool = False
    free_thresh: Annotated[float, Field(gt=0, lt=1)] = 0.25


class _MapFile(_MaskFile):
    resolution: Annotated[float, Field(gt=0, le=10)]
    origin: Annotated[list[float], Field(min_length=3, max_length=3)]


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor as read from its folder."""

    map_id: str
    name: str
    version: int
    resolution: float
    origin: tuple[float, float, float]
    width: int
    height: int
    image: bytes
    grid: bytes
    checksum: str
    waypoints: Sequence[FloorWaypoint]


def read_floor(folder: Path) -> Floor:
    """Read `waypoints.yaml`, `map.yaml` with its grid, `map.png`, and the zones of `keepout.yaml` if there is one.

    Raises FloorError.
    """
    try:
        contents = [(folder / name).read_bytes() for name in ("waypoints.yaml", "map.yaml", "map.png")]
        places = _WaypointsFile.model_validate(yaml.safe_load(contents[0]))
        floor = _MapFile.model_validate(yaml.safe_load(contents[1]))
        width, height = png_size(contents[2])
        cells = _free_cells(folder, floor, (width, height))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise FloorError(f"no floor in {folder}: {error}") from error
    return Floor(
        map_id=places.map_id,
        name=places.name or places.map_id.capitalize(),
        version=places.version,
        resolution=floor.resolution,
        origin=(floor.origin[0], floor.origin[1], floor.origin[2]),
        width=width,
        height=height,
        image=contents[2],
        grid=cells,
        checksum=hashlib.sha256(b"\0".join((*contents, cells))).hexdigest(),
        waypoints=places.waypoints,
    )


def _free_cells(folder: Path, floor: _MapFile, size: tuple[int, int]) -> bytes:
    """Where robots may stand: what the grid shows as free, without the zones to keep out of. Raises ValueError."""
    masks: list[_MaskFile] = [floor]
    if (folder / "keepout.yaml").exists():
        masks.append(_MaskFile.model_validate(yaml.safe_load((folder / "keepout.yaml").read_bytes())))
    cells = [
        free_cells((folder / mask.image).read_bytes(), negate=mask.negate, free_thresh=mask.free_thresh)
        for mask in masks
    ]
    free = functools.reduce(both_free, cells)
    if png_size(free) != size:
        raise BadGrid(f"map.png has {size} pixels and {floor.image} {png_size(free)}")
    return free


def png_size(image: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the header (PNG specification, 11.2.2). Raises ValueError."""
    if image[:8] != b"\x89PNG\r\n\x1a\n" or image[12:16] != b"IHDR":
        raise ValueError("map.png is not a PNG image")
    width, height = struct.unpack(">II", image[16:24])
    return width, height


def load_floor(session: Session, folder: Path) -> bool:
    """Bring the database to this floor; whether anything changed. The same floor again changes nothing.

    A waypoint that the floor no longer has is deactivated, not deleted: tasks and homes may name it. Those that
    librarians made stay as they are. Raises FloorError.
    """
    floor = read_floor(folder)
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('luna.floor'))"))
    known = repository.map_by_name(session, floor.map_id)
    if known is not None and known.checksum == floor.checksum:
        return False
    row = known or _new_map(session, floor)
    row.name, row.resolution, row.checksum = floor.name, floor.resolution, floor.checksum
    row.width, row.height, row.image, row.grid = floor.width, floor.height, floor.image, floor.grid
    row.origin_x, row.origin_y, row.origin_yaw = floor.origin
    row.waypoints_version = max(floor.version, row.waypoints_version + 1 if known else 1)
    session.flush()
    _bring_waypoints(session, row.id, floor.waypoints)
    notify(session, WANTED_CHANNEL, "*")
    return True


def _new_map(session: Session, floor: Floor) -> Map:
    row = Map(id=new_id(), map_id=floor.map_id, waypoints_version=1)
    session.add(row)
    return row


def _bring_waypoints(session: Session, map_id: UUID, wanted: Sequence[FloorWaypoint]) -> None:
    known = {row.location_code.lower(): row for row in repository.waypoints_of(session, map_id)}
    _check_names(known, wanted)
    for place in wanted:
        row = known.pop(place.location_code.lower(), None)
        if row is None:
            row = Waypoint(id=new_id(), map_id=map_id)
            session.add(row)
        row.location_code, row.name, row.kind = place.location_code, place.name, place.kind
        row.x, row.y, row.z, row.yaw = place.x, place.y, place.z, place.yaw
        row.details, row.is_active, row.of_floor = dict(place.model_extra or {}), True, True
    for gone in known.values():
        gone.is_active = gone.is_active and not gone.of_floor
    session.flush()


def _check_names(known: Mapping[str, Waypoint], wanted: Sequence[FloorWaypoint]) -> None:
    """FloorError if the floor brings a name that a place of a librarian has."""
    codes = {place.location_code.lower() for place in wanted}
    made = {row.name.lower(): row for code, row in known.items() if not row.of_floor and code not in codes}
    for place in wanted:
        if other := made.get(place.name.lower()):
            raise FloorError(f"{place.location_code} and {other.location_code} would both be called {place.name!r}")


def lost_desks(session: Session, desks: Mapping[str, str]) -> list[str]:
    """Of these settings, each with the place that it names as a desk, those that lead to none."""
    return [setting for setting, text in desks.items() if not _leads_somewhere(session, text)]


def _leads_somewhere(session: Session, text: str) -> bool:
    try:
        return resolve_waypoint(session, text).kind != "DOCK"
    except (UnknownLocation, LocationInactive):
        return False


@dataclass(frozen=True, slots=True)
class Registration:
    """A robot as configuration names it. `token` is what the bridge proxy asks for."""

    name: str
    namespace: str
    bridge_url: str
    home_waypoint: str
    token: str


def register(session: Session, robot: Registration, *, key: SecretStr, allowed_hosts: Sequence[str]) -> bool:
    """Make the robot known, or bring what is known up to date; whether anything changed.

    Raises RegistrationError for an address that is not allowed, or what another robot has; and what `resolve_waypoint`
    raises for its home.
    """
    if problem := wrong_with_bridge(robot.bridge_url, allowed_hosts):
        raise RegistrationError(problem)
    home = resolve_waypoint(session, robot.home_waypoint)
    row = repository.robot_by_name_for_update(session, robot.name)
    if row is not None and not _differs(row, robot, home.id, key):
        return False
    values = {
        "namespace": robot.namespace,
        "bridge_url": robot.bridge_url,
        "home_waypoint_id": home.id,
        "token_encrypted": encrypt_token(robot.token, key),
    }
    try:
        if row is None or row.deleted_at is not None:
            _make_known(session, robot, home, row, values)
        else:
            _bring_up_to_date(session, row, values)
    except (HomeTaken, RegistrationTaken) as error:
        raise RegistrationError(f"robot {robot.name} cannot be registered: {error}") from error
    notify(session, WANTED_CHANNEL, "*")
    return True


def _make_known(
    session: Session, robot: Registration, home: WaypointView, row: Robot | None, values: Mapping[str, Any]
) -> None:
    hold_home(session, home, row)
    if row is None:
        row = Robot(id=new_id(), robot_name=robot.name, **values)
        session.add(row)
    else:
        take_up_again(row, values)
    make_known(session, row)
    told = {"robot_name": row.robot_name, "namespace": row.namespace, "bridge_url": row.bridge_url}
    audit(session, None, "robot.create", "robot", row.id, told | {"by": "command line"})


def _bring_up_to_date(session: Session, row: Robot, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.registration_version += 1
    write(session, row)


def _differs(row: Robot, robot: Registration, home_id: UUID, key: SecretStr) -> bool:
    try:
        same_token = decrypt_token(row.token_encrypted, key) == robot.token
    except TokenUnreadable:
        same_token = False
    known = (row.namespace, row.bridge_url, row.home_waypoint_id, row.deleted_at)
    return not same_token or known != (robot.namespace, robot.bridge_url, home_id, None)
