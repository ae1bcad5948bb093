"""The robot's looks and its fixed frames, both from one URDF."""

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

URDF = (Path(__file__).with_name("turtlebot4.urdf")).read_text(encoding="utf-8")
"""A TurtleBot 4 of plain shapes, with the frames of turtlebot4_description (Jazzy) at their places."""


@dataclass(frozen=True, slots=True)
class FixedFrame:
    """A frame in its parent: metres and a quaternion (x, y, z, w)."""

    parent: str
    child: str
    position: tuple[float, float, float]
    rotation: tuple[float, float, float, float]


def fixed_frames(urdf: str = URDF) -> tuple[FixedFrame, ...]:
    """Every fixed joint of a URDF, as robot_state_publisher puts it on `tf_static`."""
    robot = ElementTree.fromstring(urdf)  # noqa: S314 - our own file
    return tuple(_frame(joint) for joint in robot.iter("joint") if joint.get("type") == "fixed")


def _frame(joint: ElementTree.Element) -> FixedFrame:
    parent, child, origin = (joint.find(name) for name in ("parent", "child", "origin"))
    if parent is None or child is None:
        raise ValueError(f"joint {joint.get('name')!r} needs a parent and a child")
    x, y, z = _three(origin, "xyz")
    return FixedFrame(parent.get("link", ""), child.get("link", ""), (x, y, z), _quaternion(*_three(origin, "rpy")))


def _three(origin: ElementTree.Element | None, name: str) -> tuple[float, float, float]:
    x, y, z = (float(word) for word in ("0 0 0" if origin is None else origin.get(name, "0 0 0")).split())
    return x, y, z


def _quaternion(roll: float, pitch: float, yaw: float) -> tuple[float, float, float, float]:
    """Fixed axes x, y, z one after the other (URDF's rpy)."""
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(a / 2.0), math.sin(a / 2.0)) for a in (roll, pitch, yaw))
    return (
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )
