"""The edge to the robot: rosbridge's JSON becomes values of ours, and our commands become its JSON.

Field by field as in `luna_interfaces`. rosbridge writes NaN and infinity as null; both are None here. What does not
fit raises `BadMessage`. Nothing else in LUNA's web tier knows how a message looks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from luna_web.robot.ports import (
    Arrival,
    Cargo,
    DeliveryKind,
    Handover,
    OnTimeout,
    Outcome,
    Phase,
    Pose,
    RobotError,
    SeenDelivery,
    Stop,
)
from luna_web.robot.seen import RobotMode, SeenDeliveries, SeenFault, SeenRobot, Severity

Json = dict[str, Any]

STATUS_TYPE = "luna_interfaces/msg/RobotStatus"
DELIVERIES_TYPE = "luna_interfaces/msg/Deliveries"
HEARTBEAT_TYPE = "luna_interfaces/msg/ControllerHeartbeat"
EXECUTE_DELIVERY_TYPE = "luna_interfaces/action/ExecuteDelivery"

_KINDS = tuple(DeliveryKind)
_PHASES = tuple(Phase)
_OUTCOMES = tuple(Outcome)
_CARGOS = tuple(Cargo)
_HANDOVERS = tuple(Handover)
_ARRIVALS = tuple(Arrival)
_ON_TIMEOUTS = tuple(OnTimeout)
_MODES = tuple(mode for mode in RobotMode if mode is not RobotMode.OFFLINE)
_SEVERITIES = (Severity.WARNING, *Severity)  # the message counts from 1; 0 is nobody's
_ERROR_NUMBERS = {
    0: RobotError.NONE,
    **dict(enumerate(list(RobotError)[1:21], start=100)),
    **dict(enumerate(list(RobotError)[21:27], start=200)),
}


class BadMessage(ValueError):
    """The robot sent what `luna_interfaces` does not allow."""


class Resolution(IntEnum):
    """`ResolveRecovery`'s."""

    RESUME = 1
    TO_FALLBACK = 2
    CARGO_REMOVED = 3
    ABANDON = 4


class Verdict(StrEnum):
    ACCEPTED = "ACCEPTED"
    ALREADY = "ALREADY"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a robot's service said. `estop_id` is that of SetEmergencyStop, `state` the raw DeliveryState if any."""

    verdict: Verdict
    error: RobotError
    message: str
    estop_id: str
    state: Json | None

    @property
    def taken(self) -> bool:
        return self.verdict is not Verdict.REFUSED


Count = Annotated[int, Field(ge=0, lt=2**63)]
Text = Annotated[str, Field(max_length=512)]
Number = Annotated[float | None, Field(allow_inf_nan=True)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


_Model = TypeVar("_Model", bound=_Wire)


class _Time(_Wire):
    sec: int
    nanosec: Annotated[int, Field(ge=0, lt=10**9)]

    def seconds(self) -> float:
        return self.sec + self.nanosec * 1e-9


class _Header(_Wire):
    stamp: _Time
    frame_id: Text


class _Fault(_Wire):
    code: Text
    severity: Annotated[int, Field(ge=1, le=4)]
    text: Text
    since: _Time


class _State(_Wire):
    delivery_id: Annotated[str, Field(max_length=64)]
    attempt: Count
    kind: Annotated[int, Field(ge=0, lt=len(_KINDS))]
    phase: Annotated[int, Field(ge=0, lt=len(_PHASES))]
    outcome: Annotated[int, Field(ge=0, lt=len(_OUTCOMES))]
    error_code: Count
    message: Text
    stop_index: Count
    handover_seq: Count
    cargo: Annotated[int, Field(ge=0, lt=len(_CARGOS))]
    cancel_requested: bool
    distance_remaining: Number
    estimated_time_remaining: Number
    timeout_remaining: Number
    changed_at: _Time


class _Status(_Wire):
    header: _Header
    robot_name: Text
    boot_id: Text
    journal_id: Text
    journal_seq: Count
    epoch: Count
    mode: Annotated[int, Field(ge=0, lt=len(_MODES))]
    x: Number
    y: Number
    yaw: Number
    linear_velocity: Number
    angular_velocity: Number
    nearest_waypoint: Text
    map_id: Text
    waypoints_version: Count
    battery_percentage: Number
    charging: bool
    docked: bool
    estopped: bool
    estop_id: Text
    estop_reason: Text
    estop_by: Text
    suspended: bool
    paused: bool
    maintenance: bool
    localized: bool
    link_up: bool
    cargo: Annotated[int, Field(ge=0, lt=len(_CARGOS))]
    faults: Annotated[list[_Fault], Field(max_length=8)]
    delivery_id: Annotated[str, Field(max_length=64)]
    attempt: Count
    kind: Annotated[int, Field(ge=0, lt=len(_KINDS))]
    phase: Annotated[int, Field(ge=0, lt=len(_PHASES))]
    handover_seq: Count
    destination: Text
    distance_remaining: Number
    estimated_time_remaining: Number
    software_version: Text


class _Deliveries(_Wire):
    robot_name: Text
    boot_id: Text
    journal_id: Text
    journal_seq: Count
    active: _State
    recent: Annotated[list[_State], Field(max_length=64)]


class _Answer(_Wire):
    verdict: Annotated[int, Field(ge=0, le=2)]
    error_code: Count = 0
    message: Text = ""
    estop_id: Text = ""
    state: Json | None = None


def read_status(message: Mapping[str, Any]) -> SeenRobot:
    """`RobotStatus` as it came. Raises BadMessage."""
    wire = _parse(_Status, message)
    return SeenRobot(
        robot_name=wire.robot_name,
        stamp=wire.header.stamp.seconds(),
        frame=wire.header.frame_id,
        boot_id=wire.boot_id,
        journal_id=wire.journal_id,
        journal_seq=wire.journal_seq,
        epoch=wire.epoch,
        mode=_MODES[wire.mode],
        pose=Pose(_or_zero(wire.x), _or_zero(wire.y), _or_zero(wire.yaw)),
        linear_velocity=_or_zero(wire.linear_velocity),
        angular_velocity=_or_zero(wire.angular_velocity),
        nearest_waypoint=wire.nearest_waypoint,
        map_id=wire.map_id,
        waypoints_version=wire.waypoints_version,
        battery=_known(wire.battery_percentage),
        charging=wire.charging,
        docked=wire.docked,
        estopped=wire.estopped,
        estop_id=wire.estop_id,
        estop_reason=wire.estop_reason,
        estop_by=wire.estop_by,
        suspended=wire.suspended,
        paused=wire.paused,
        maintenance=wire.maintenance,
        localized=wire.localized,
        link_up=wire.link_up,
        cargo=_CARGOS[wire.cargo],
        faults=tuple(SeenFault(f.code, _SEVERITIES[f.severity], f.text, f.since.seconds()) for f in wire.faults),
        delivery_id=wire.delivery_id,
        attempt=wire.attempt,
        kind=_KINDS[wire.kind],
        phase=_PHASES[wire.phase],
        handover_seq=wire.handover_seq,
        destination=wire.destination,
        distance_remaining=_known(wire.distance_remaining),
        estimated_time_remaining=_known(wire.estimated_time_remaining),
        software_version=wire.software_version,
    )


def read_deliveries(message: Mapping[str, Any]) -> SeenDeliveries:
    """`Deliveries` as it came. Raises BadMessage."""
    wire = _parse(_Deliveries, message)

    def seen(state: _State) -> SeenDelivery:
        return _seen_delivery(state, wire.journal_id, wire.journal_seq)

    return SeenDeliveries(
        robot_name=wire.robot_name,
        boot_id=wire.boot_id,
        journal_id=wire.journal_id,
        journal_seq=wire.journal_seq,
        active=seen(wire.active) if wire.active.delivery_id else None,
        recent=tuple(seen(state) for state in wire.recent),
    )


def read_delivery(state: Mapping[str, Any], journal_id: str, journal_seq: int) -> SeenDelivery | None:
    """A `DeliveryState` out of an answer or a result; None where it names no delivery. Raises BadMessage."""
    wire = _parse(_State, state)
    return _seen_delivery(wire, journal_id, journal_seq) if wire.delivery_id else None


def read_answer(values: Mapping[str, Any]) -> Answer:
    """The response of any of the robot's services that give a verdict. Raises BadMessage."""
    wire = _parse(_Answer, values)
    verdict = (Verdict.ACCEPTED, Verdict.ALREADY, Verdict.REFUSED)[wire.verdict]
    return Answer(verdict, _error(wire.error_code), wire.message, wire.estop_id, wire.state)


def heartbeat(epoch: int, wall_clock: float) -> Json:
    return {"epoch": epoch, "stamp": _time(wall_clock)}


def goal(
    *,
    epoch: int,
    boot_id: str,
    trace_id: str,
    delivery_id: str,
    attempt: int,
    kind: DeliveryKind,
    stops: Sequence[Stop],
    fallback: Stop | None,
) -> Json:
    """An `ExecuteDelivery` goal."""
    message: Json = {
        "epoch": epoch,
        "boot_id": boot_id,
        "trace_id": trace_id,
        "delivery_id": delivery_id,
        "attempt": attempt,
        "kind": _KINDS.index(kind),
        "stops": [_stop(stop) for stop in stops],
        "has_fallback": fallback is not None,
    }
    return message | ({"fallback": _stop(fallback)} if fallback else {})


def pose(place: Pose, z: float = 0.0) -> Json:
    """geometry_msgs/Pose; the yaw as a quaternion about z."""
    return {
        "position": {"x": place.x, "y": place.y, "z": z},
        "orientation": {"x": 0.0, "y": 0.0, "z": math.sin(place.yaw / 2), "w": math.cos(place.yaw / 2)},
    }


def handover_number(handover: Handover) -> int:
    return _HANDOVERS.index(handover)


def cargo_number(cargo: Cargo) -> int:
    return _CARGOS.index(cargo)


def _stop(stop: Stop) -> Json:
    return {
        "waypoint": stop.waypoint,
        "pose": {"header": {"frame_id": "map"}, "pose": pose(stop.pose)},
        "handover": _HANDOVERS.index(stop.handover),
        "arrival": _ARRIVALS.index(stop.arrival),
        "handover_timeout": _time(stop.timeout or 0.0),
        "on_timeout": _ON_TIMEOUTS.index(stop.on_timeout),
    }


def _seen_delivery(wire: _State, journal_id: str, journal_seq: int) -> SeenDelivery:
    return SeenDelivery(
        delivery_id=wire.delivery_id,
        attempt=wire.attempt,
        kind=_KINDS[wire.kind],
        phase=_PHASES[wire.phase],
        outcome=_OUTCOMES[wire.outcome],
        error=_error(wire.error_code),
        message=wire.message,
        stop_index=wire.stop_index,
        handover_seq=wire.handover_seq,
        cargo=_CARGOS[wire.cargo],
        cancel_requested=wire.cancel_requested,
        distance_remaining=_known(wire.distance_remaining),
        estimated_time_remaining=_known(wire.estimated_time_remaining),
        timeout_remaining=_known(wire.timeout_remaining),
        changed_at=wire.changed_at.seconds(),
        journal_id=journal_id,
        journal_seq=journal_seq,
    )


def _parse(model: type[_Model], message: Mapping[str, Any]) -> _Model:
    try:
        return model.model_validate(message)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadMessage(f"{model.__name__.lstrip('_')}.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _or_zero(value: float | None) -> float:
    return _known(value) or 0.0


def _error(number: int) -> RobotError:
    return _ERROR_NUMBERS.get(number, RobotError.OTHER)


def _time(seconds: float) -> Json:
    whole = math.floor(seconds)
    return {"sec": whole, "nanosec": min(int((seconds - whole) * 1e9), 999_999_999)}
