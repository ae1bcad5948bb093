"""The stops of each type of task, from the places as they are when the task is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luna_web.delivery.domain.facts import Policy
from luna_web.robot.ports import Arrival, Handover, OnTimeout, Pose, Stop


@dataclass(frozen=True, slots=True)
class PlacedAt:
    """A waypoint's code and pose (frame `map`, metres, radians)."""

    location_code: str
    pose: Pose


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a robot goes for a task; `fallback` is where the item goes when it can't be handed over."""

    stops: tuple[Stop, ...]
    fallback: Stop | None


def student_delivery(desk: PlacedAt, reader: PlacedAt, policy: Policy) -> Plan:
    """From the desk to the reader; back to the desk where nobody collects."""
    return Plan(
        stops=(
            _loading(desk, policy),
            Stop(
                reader.location_code,
                reader.pose,
                Handover.UNLOAD,
                Arrival.NONE,
                policy.collect_timeout,
                OnTimeout.FALLBACK,
            ),
        ),
        fallback=Stop(desk.location_code, desk.pose, Handover.UNLOAD, on_timeout=OnTimeout.HOLD),
    )


def return_pickup(reader: PlacedAt, workstation: PlacedAt, policy: Policy) -> Plan:
    """From the reader to the return workstation, where the robot waits as long as it takes."""
    return Plan(
        stops=(
            _loading(reader, policy),
            Stop(workstation.location_code, workstation.pose, Handover.UNLOAD, on_timeout=OnTimeout.HOLD),
        ),
        fallback=None,
    )


def staff_delivery(source: PlacedAt, destination: PlacedAt, policy: Policy) -> Plan:
    """From one place of the library to another, where the robot waits; back where it came from if that can't be."""
    return Plan(
        stops=(
            _loading(source, policy),
            Stop(destination.location_code, destination.pose, Handover.UNLOAD, on_timeout=OnTimeout.HOLD),
        ),
        fallback=Stop(source.location_code, source.pose, Handover.UNLOAD, on_timeout=OnTimeout.HOLD),
    )


def _loading(place: PlacedAt, policy: Policy) -> Stop:
    return Stop(place.location_code, place.pose, Handover.LOAD, Arrival.NONE, policy.load_timeout, OnTimeout.RELEASE)


def stop_to_json(stop: Stop) -> dict[str, Any]:
    return {
        "waypoint": stop.waypoint,
        "pose": {"x": stop.pose.x, "y": stop.pose.y, "yaw": stop.pose.yaw, "frame": "map"},
        "handover": stop.handover.value,
        "arrival": stop.arrival.value,
        "timeout": stop.timeout,
        "on_timeout": stop.on_timeout.value,
    }


def stop_from_json(data: Mapping[str, Any]) -> Stop:
    pose = data["pose"]
    return Stop(
        waypoint=data["waypoint"],
        pose=Pose(pose["x"], pose["y"], pose["yaw"]),
        handover=Handover(data["handover"]),
        arrival=Arrival(data["arrival"]),
        timeout=data["timeout"],
        on_timeout=OnTimeout(data["on_timeout"]),
    )
