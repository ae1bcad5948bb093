"""The demonstration on a terminal: the floor with the robot on it, what was said, what the robot does.

Plain lines where there is no terminal.
"""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from luna_embedded.demo.client import Json
from luna_embedded.demo.floorplan import FloorPlan, Mark, Pose
from luna_embedded.demo.story import Story, Trip
from luna_embedded.demo.summary import JITTER, Span, distance

WIDEST = 110  # columns of the plan at most
LINES = 7  # of what was said, shown under the plan
ROOM = 14  # terminal lines that everything but the plan takes


class Screen:
    """Shows a story while it is told; ``update`` is its ``watch``."""

    def __init__(self, console: Console, plan: FloorPlan, places: dict[str, Mark]) -> None:
        self._console = console
        self._plan = plan
        self._places = places
        self._shown = 0
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None
        self.trails: list[list[Pose]] = []

    def __enter__(self) -> Screen:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def update(self, story: Story) -> None:
        """Take in the robot's pose and draw."""
        self._follow(story)
        if self._live:
            self._live.update(self._picture(story), refresh=True)
        else:
            self._lines(story)

    def _follow(self, story: Story) -> None:
        while len(self.trails) < len(story.trips):
            self.trails.append([])
        pose = pose_of(story.robot)
        if pose and self.trails and (not self.trails[-1] or distance((self.trails[-1][-1], pose)) >= JITTER):
            self.trails[-1].append(pose)

    def _lines(self, story: Story) -> None:
        for line in story.said[self._shown :]:
            self._console.print(line)
        self._shown = len(story.said)

    def _picture(self, story: Story) -> RenderableType:
        pose = pose_of(story.robot)
        goal = self._places.get((story.robot.get("current_task") or {}).get("destination") or "")
        drawn = self._plan.drawn(
            self._columns(), robots=[pose] if pose else [], trail=self.trails[-1] if self.trails else [], goal=goal
        )
        said = Text("\n".join(story.said[-LINES:]))
        return Group(Panel.fit(drawn, title="LUNA", border_style="dim"), _robot_line(story.robot, story.trip), said)

    def _columns(self) -> int:
        """As wide as the terminal allows, both ways."""
        by_height = 2 * (self._console.height - ROOM) * self._plan.width_m / self._plan.height_m
        return int(max(40, min(WIDEST, self._console.width - 4, by_height)))


def pose_of(robot: Json) -> Pose | None:
    """The pose of a robot object of the API, if it has one."""
    pose = robot.get("pose")
    return Pose(pose["x"], pose["y"], pose["yaw"]) if pose else None


def _robot_line(robot: Json, trip: Trip | None) -> Text:
    if not robot:
        return Text("")
    task = robot.get("current_task") or {}
    left = task.get("distance_remaining")
    battery = robot.get("battery_level")
    parts = [
        str(robot.get("robot_name", "")),
        str(robot.get("mode") or robot.get("status")),
        (trip.phase or trip.status) if trip else "",
        f"{left:.1f} m to {task.get('destination')}" if left else "",
        f"battery {battery:.0%}" if battery is not None else "",
        "" if robot.get("online", True) else "OFFLINE",
    ]
    line = Text("  ·  ".join(part for part in parts if part), style="bold")
    for fault in robot.get("faults") or ():
        line.append(f"\n{fault['code']}: {fault['text']}", style="bold red")
    return line


def summary_table(rows: list[tuple[Trip, list[Span], float]]) -> Table:
    """One line per phase of each trip, a total line each."""
    table = Table(title="What just happened")
    for heading in ("trip", "phase", "seconds", "metres"):
        table.add_column(heading, justify="right" if heading in {"seconds", "metres"} else "left")
    for trip, history, metres in rows:
        for span in history:
            table.add_row(trip.title, span.name, f"{span.seconds:.1f}", "")
        table.add_row(
            trip.title,
            "total",
            f"{sum(span.seconds for span in history):.1f}",
            f"{metres:.1f}",
            style="bold",
            end_section=True,
        )
    return table
