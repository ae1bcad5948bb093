"""The world as a whole: systems, light, and everything that stands in it."""

import xml.etree.ElementTree as ET

from luna_floor.gazebo.building import floor_model, walls_model
from luna_floor.gazebo.pieces import furniture_models, shelf_models
from luna_floor.gazebo.sdf import VERSION, frame_element, model_element, numbers, pose, text, written
from luna_floor.model import FloorPlan, Point

SYSTEMS = {
    "gz-sim-physics-system": "gz::sim::systems::Physics",
    "gz-sim-user-commands-system": "gz::sim::systems::UserCommands",
    "gz-sim-scene-broadcaster-system": "gz::sim::systems::SceneBroadcaster",
    "gz-sim-contact-system": "gz::sim::systems::Contact",
    "gz-sim-imu-system": "gz::sim::systems::Imu",
}
"""What a world must bring for TurtleBot 4. Its Create 3 brings the Sensors system in its own model, with the render
engine that it wants; a second one in the world would be one too many."""
STEP = 0.003
"""Seconds of a physics step, that of TurtleBot 4's own worlds."""
_SUNS = {"sun": ("0.75 0.73 0.68 1", "-0.4 0.3 -1", "true"), "sky": ("0.35 0.38 0.42 1", "0.3 -0.5 -0.8", "false")}
"""Directional lights: colour, direction, whether they cast shadows."""


def world_sdf(plan: FloorPlan) -> str:
    """SDF of the floor. Its world is called as the map is; docks are frames by their codes, as docked robots stand."""
    root = ET.Element("sdf", version=VERSION)
    world = ET.SubElement(root, "world", name=plan.map_id)
    physics = ET.SubElement(world, "physics", name="3ms", type="ignored")
    text(physics, "max_step_size", f"{STEP:g}")
    text(physics, "real_time_factor", "1")
    for filename, name in SYSTEMS.items():
        ET.SubElement(world, "plugin", filename=filename, name=name)
    scene = ET.SubElement(world, "scene")
    text(scene, "ambient", "0.55 0.55 0.55 1")
    text(scene, "background", "0.75 0.83 0.9 1")
    text(scene, "shadows", "true")
    text(scene, "grid", "false")
    for name, (colour, direction, shadows) in _SUNS.items():
        light = ET.SubElement(world, "light", name=name, type="directional")
        text(light, "pose", pose(plan.size[0] / 2, plan.size[1] / 2, 20, 0))
        text(light, "diffuse", colour)
        text(light, "specular", numbers(0.1, 0.1, 0.1, 1))
        text(light, "direction", direction)
        text(light, "cast_shadows", shadows)
    for dock in plan.docks:
        world.append(frame_element(dock.code, Point(dock.x, dock.y), dock.yaw))
    models = [floor_model(plan), walls_model(plan), *shelf_models(plan.shelves), *furniture_models(plan.furniture)]
    world.extend(model_element(model) for model in models)
    return written(root, levels=4)
