"""The navigator that the parameters ask for."""

from __future__ import annotations

from rclpy.node import Node

from luna_robot.navigation.create3_docking import Create3Docking
from luna_robot.navigation.nav2_actions import Nav2Actions
from luna_robot.navigation.port import Navigator
from luna_robot.nodes.common import Worker
from luna_robot.parameters import Values, WrongParameter


def make_navigator(node: Node, values: Values) -> Navigator:
    """Raises WrongParameter where `simple_commander` is asked for and its package is not installed."""
    dock_type: str = values["dock_type"]
    navigator: Navigator
    if values["navigation"] == "simple_commander":
        navigator = _simple_commander(node, dock_type)
    else:
        navigator = Nav2Actions(node, dock_type)
    return Create3Docking(node, navigator, values["dock_approach"]) if values["docking"] == "create3" else navigator


def _simple_commander(node: Node, dock_type: str) -> Navigator:
    try:
        from luna_robot.navigation.simple_commander import SimpleCommander
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "nav2_simple_commander":
            raise
        raise WrongParameter(
            "parameter navigation is 'simple_commander', but the package nav2_simple_commander is not installed: "
            "install it, or use nav2_actions"
        ) from error
    return SimpleCommander(node, Worker(node, "simple_commander"), dock_type)
