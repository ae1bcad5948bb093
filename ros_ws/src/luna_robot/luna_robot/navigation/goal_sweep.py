"""Cancels every goal that the driving servers hold, whoever sent it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from action_msgs.srv import CancelGoal
from rclpy.node import Node

from luna_robot.navigation.action_drive import ANSWER_WITHIN
from luna_robot.navigation.asking import ask_all
from luna_robot.navigation.deadlines import Deadlines

NAV2_OTHERS = ("navigate_through_poses", "follow_waypoints", "spin", "backup", "drive_on_heading", "assisted_teleop")
"""Actions of Nav2 that LUNA never uses, but operators do: RViz's waypoint mode, the behaviours of its panel."""
LOOK_AGAIN_AFTER = 0.2
"""Seconds between two looks for a server that is being discovered."""


class Server(Protocol):
    """What an action client knows of its server."""

    def server_is_ready(self) -> bool: ...


class GoalSweep:
    def __init__(
        self, node: Node, actions: Mapping[str, Server], deadlines: Deadlines, others: Sequence[str] = ()
    ) -> None:
        """``others``: actions that are cancelled too where they are there, and need not be."""
        self._deadlines = deadlines
        self._cancels = [
            (action, node.create_client(CancelGoal, f"{name}/_action/cancel_goal")) for name, action in actions.items()
        ]
        self._others = [node.create_client(CancelGoal, f"{name}/_action/cancel_goal") for name in others]

    def cancel_all(self, on_done: Callable[[bool], None]) -> None:
        """False = no answer in time, as from a server that is there, but whose cancelling is not discovered yet.

        A server that is not there drives nothing.
        """
        there = [cancel for _, cancel in self._cancels if cancel.service_is_ready()]
        if any(action.server_is_ready() for action, cancel in self._cancels if not cancel.service_is_ready()):
            self._deadlines.after(LOOK_AGAIN_AFTER, lambda: on_done(False))
            return
        others = [cancel for cancel in self._others if cancel.service_is_ready()]
        ask_all([*there, *others], CancelGoal.Request(), self._deadlines, ANSWER_WITHIN, on_done)
