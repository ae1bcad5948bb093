"""Parts of a Gazebo model, and how SDF writes them (specification 1.9, sdformat.org/spec). Metres and radians."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, field

from luna_floor.model import FloorError, Point

VERSION = "1.9"


@dataclass(frozen=True, slots=True)
class Box:
    """Sides along x, y and z."""

    x: float
    y: float
    z: float


@dataclass(frozen=True, slots=True)
class Cylinder:
    """Upright."""

    radius: float
    length: float


@dataclass(frozen=True, slots=True)
class Ball:
    """A sphere."""

    radius: float


Solid = Box | Cylinder | Ball


@dataclass(frozen=True, slots=True)
class Look:
    """A colour as `#rrggbb`; a texture file beside the world covers it; `glow` is light that it gives off by itself."""

    colour: str
    texture: str = ""
    glow: bool = False
    transparency: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """Something of a model: where its middle is, relative to the model, and how it is turned about z."""

    name: str
    solid: Solid
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    yaw: float = 0.0


@dataclass(slots=True)
class Model:
    """A static model: what is bumped into, and what is seen."""

    name: str
    x: float = 0.0
    y: float = 0.0
    collisions: list[Part] = field(default_factory=list)
    visuals: list[tuple[Part, Look]] = field(default_factory=list)


def model_element(model: Model) -> ET.Element:
    """`<model>` with one link."""
    names = [part.name for part in model.collisions] + [part.name for part, _ in model.visuals]
    if len(set(names)) < len(names):
        raise FloorError(f"{model.name}: two of its parts would have one name in Gazebo")
    element = ET.Element("model", name=model.name)
    text(element, "static", "true")
    text(element, "pose", pose(model.x, model.y, 0.0, 0.0))
    link = ET.SubElement(element, "link", name="link")
    for part in model.collisions:
        _part(link, "collision", part)
    for part, look in model.visuals:
        visual = _part(link, "visual", part)
        if look.transparency:
            text(visual, "transparency", number(look.transparency))
        _material(visual, look)
    return element


def frame_element(name: str, at: Point, yaw: float) -> ET.Element:
    """`<frame>`: a named pose of the world."""
    element = ET.Element("frame", name=name)
    text(element, "pose", pose(at.x, at.y, 0.0, yaw))
    return element


def written(root: ET.Element, levels: int) -> str:
    """A document, broken into lines down to so many levels: one line a collision or visual."""
    _indent(root, 0, levels)
    return '<?xml version="1.0"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def text(parent: ET.Element, tag: str, content: str, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = content
    return element


def pose(x: float, y: float, z: float, yaw: float) -> str:
    return numbers(x, y, z, 0, 0, yaw)


def numbers(*values: float) -> str:
    return " ".join(map(number, values))


def number(value: float) -> str:
    """To a tenth of a millimetre; without a sign at zero."""
    return f"{round(value, 4) + 0.0:g}"


def rgba(colour: str, dimmed: float = 1.0) -> str:
    return numbers(*(int(colour[i : i + 2], 16) / 255 * dimmed for i in (1, 3, 5)), 1)


def _part(link: ET.Element, tag: str, part: Part) -> ET.Element:
    element = ET.SubElement(link, tag, name=part.name)
    text(element, "pose", pose(part.x, part.y, part.z, part.yaw))
    geometry = ET.SubElement(element, "geometry")
    solid = part.solid
    if isinstance(solid, Box):
        text(ET.SubElement(geometry, "box"), "size", numbers(solid.x, solid.y, solid.z))
    elif isinstance(solid, Cylinder):
        cylinder = ET.SubElement(geometry, "cylinder")
        text(cylinder, "radius", number(solid.radius))
        text(cylinder, "length", number(solid.length))
    else:
        text(ET.SubElement(geometry, "sphere"), "radius", number(solid.radius))
    return element


def _material(visual: ET.Element, look: Look) -> None:
    material = ET.SubElement(visual, "material")
    # A colour would tint the texture.
    colour = "#ffffff" if look.texture else look.colour
    text(material, "ambient", rgba(colour))
    text(material, "diffuse", rgba(colour))
    text(material, "specular", "0.05 0.05 0.05 1")
    if look.glow:
        text(material, "emissive", rgba(look.colour, 0.8))
    if look.texture:
        metal = ET.SubElement(ET.SubElement(material, "pbr"), "metal")
        text(metal, "albedo_map", look.texture)
        text(metal, "metalness", "0")
        text(metal, "roughness", "0.9")


def _indent(element: ET.Element, depth: int, levels: int) -> None:
    if not len(element) or depth >= levels:
        return
    element.text = "\n" + "  " * (depth + 1)
    children: Iterable[ET.Element] = list(element)
    for child in children:
        _indent(child, depth + 1, levels)
        child.tail = "\n" + "  " * (depth + 1)
    element[-1].tail = "\n" + "  " * depth
