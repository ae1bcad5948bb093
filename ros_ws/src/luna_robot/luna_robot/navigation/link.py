"""What executor and navigator tell each other, within one process or between two.

Both sides say what is so now, again and again, and nobody counts on having heard everything: whichever of the two is
lost or started anew, the next word puts it right. A leg's end stays told until the next leg ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from luna_robot.delivery.events import LegEnded
from luna_robot.delivery.machine import Leg
from luna_robot.delivery.model import Error
from luna_robot.geometry import Pose
from luna_robot.navigation.port import Progress
from luna_robot.waypoints import WaypointTable

SILENCE = 0.6
"""Seconds after which what was heard last counts for nothing."""
Refusal = tuple[Error, str]


@dataclass(frozen=True, slots=True)
class DriveOrder:
    """`leg` is what is wanted driven now, None = stand still; `refusal` is why an operator's own goal is not taken."""

    boot_id: str = ""
    """Of the executor."""
    leg: Leg | None = None
    refusal: Refusal | None = (Error.NAVIGATION_NOT_READY, "task_executor is silent")
    map_id: str = ""
    waypoints_version: int = 0

    @property
    def locked(self) -> bool:
        """Nothing at all may drive: the safety supervisor holds the robot, or a stop has suspended it."""
        return self.refusal is not None and self.refusal[0] is Error.SUSPENDED


UNHEARD_ORDER = DriveOrder()


@dataclass(frozen=True, slots=True)
class NavigationView:
    """How the navigation is."""

    leg: tuple[str, int] | None = None
    """Name of the leg in hand."""
    ended: LegEnded | None = None
    """The leg of a delivery that ended last."""
    pose: Pose | None = None
    """base_link in map; None = unknown."""
    localized: bool = False
    missing: tuple[str, ...] = ()
    """What navigation still lacks; empty = ready."""
    docked: bool = False
    progress: Progress = field(default_factory=Progress)

    def silent(self) -> NavigationView:
        """What is left of it when the navigator is silent: nobody drives or knows where the robot is."""
        return NavigationView(ended=self.ended, docked=self.docked, missing=("waypoint_navigator",))

    def what_counts(self) -> NavigationView:
        """Without what changes all the time."""
        return replace(self, pose=None, progress=Progress())


UNHEARD_NAVIGATION = NavigationView().silent()


class Navigation(Protocol):
    """What the executor needs of the navigator."""

    on_change: Callable[[], None]
    """Called when what counts in the view is another."""

    def view(self) -> NavigationView: ...

    def drive(self, order: DriveOrder) -> None:
        """Level-triggered: as often as anyone likes, and at least every HEARTBEAT_PERIOD."""

    def use_waypoints(self, table: WaypointTable) -> None: ...
