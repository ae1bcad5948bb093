"""Docking as the Create 3 base does it by itself, beside any navigator.

The base docks from where it sees the dock's beacon, so the navigator first drives to a place in front of the dock. Its
results have no error codes: an ABORTED is a failure, never another client's goal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from action_msgs.msg import GoalStatus
from irobot_create_msgs.action import Dock, Undock
from rclpy.action import ActionClient
from rclpy.node import Node

from luna_robot.geometry import Pose
from luna_robot.navigation.action_drive import ActionDrive, Overdue
from luna_robot.navigation.deadlines import Deadlines
from luna_robot.navigation.goal_sweep import GoalSweep
from luna_robot.navigation.port import Drive, DriveResult, DriveStatus, Navigator, OnDone, Progress


class ApproachAndDock:
    """To the place in front of the dock, then onto it. One drive to whoever asked for it."""

    def __init__(
        self,
        approach: Callable[[OnDone], Drive],
        onto_dock: Callable[[OnDone], Drive],
        on_done: OnDone,
    ) -> None:
        self._onto_dock = onto_dock
        self._on_done = on_done
        self._cancelled = False
        self._drive: Drive | None = None
        self._drive = approach(self._arrived)

    @property
    def progress(self) -> Progress:
        return self._drive.progress if self._drive else Progress()

    def cancel(self) -> None:
        self._cancelled = True
        if self._drive is not None:
            self._drive.cancel()

    def _arrived(self, result: DriveResult) -> None:
        if result.status is not DriveStatus.SUCCEEDED:
            self._on_done(result)
        elif self._cancelled:
            self._on_done(DriveResult(DriveStatus.CANCELED))
        else:
            self._drive = self._onto_dock(self._on_done)


class Create3Docking:
    """A navigator whose docking is the base's: actions `dock` and `undock` of irobot_create_msgs.

    `distance`: metres between the pose of a docked robot and the place where docking begins.
    """

    def __init__(self, node: Node, navigator: Navigator, distance: float) -> None:
        self._navigator = navigator
        self._distance = distance
        self._deadlines = Deadlines()
        self._dock = ActionClient(node, Dock, "dock")
        self._undock = ActionClient(node, Undock, "undock")
        self._overdue = {client: Overdue() for client in (self._dock, self._undock)}
        self._sweep = GoalSweep(node, {"dock": self._dock, "undock": self._undock}, self._deadlines)

    def missing(self) -> tuple[str, ...]:
        return self._navigator.missing()

    def go_to(self, pose: Pose, on_done: OnDone) -> Drive:
        return self._navigator.go_to(pose, on_done)

    def dock(self, pose: Pose, on_done: OnDone) -> Drive:
        """Go to the dock that stands at that pose, and dock."""
        place = pose.then(Pose(-self._distance, 0.0, 0.0))
        return ApproachAndDock(lambda done: self._navigator.go_to(place, done), self._onto_dock, on_done)

    def undock(self, on_done: OnDone) -> Drive:
        return self._send(self._undock, Undock.Goal(), on_done, _undocked)

    def path_length(self, goal: Pose, on_done: Callable[[float | None], None]) -> None:
        self._navigator.path_length(goal, on_done)

    def clear_costmaps(self, on_done: Callable[[], None]) -> None:
        self._navigator.clear_costmaps(on_done)

    def cancel_all(self, on_done: Callable[[bool], None]) -> None:
        """The base's own goals first, so that it does not go on where the navigator has ended."""

        def base_stands(answered: bool) -> None:
            self._navigator.cancel_all(lambda navigator_stands: on_done(answered and navigator_stands))

        self._sweep.cancel_all(base_stands)

    def poll(self, now: float) -> None:
        self._deadlines.poll(now)
        self._navigator.poll(now)

    def close(self) -> None:
        self._navigator.close()

    def _onto_dock(self, on_done: OnDone) -> Drive:
        return self._send(self._dock, Dock.Goal(), on_done, _docked)

    def _send(self, client: ActionClient, goal: Any, on_done: OnDone, read: Callable[[Any], DriveResult]) -> Drive:
        return ActionDrive(client, goal, self._deadlines, self._overdue[client], on_done, read)


def _docked(response: Any) -> DriveResult:
    return _result(response, wanted=response.result.is_docked, failure="the base did not dock")


def _undocked(response: Any) -> DriveResult:
    return _result(response, wanted=not response.result.is_docked, failure="the base did not undock")


def _result(response: Any, *, wanted: bool, failure: str) -> DriveResult:
    if response.status == GoalStatus.STATUS_CANCELED:
        return DriveResult(DriveStatus.CANCELED)
    if response.status == GoalStatus.STATUS_SUCCEEDED and wanted:
        return DriveResult(DriveStatus.SUCCEEDED)
    return DriveResult(DriveStatus.FAILED, message=failure)
