"""Where things land on the plan of characters."""

from __future__ import annotations

import io
import math

import pytest
from PIL import Image

from luna_embedded.demo.floorplan import FloorPlan, Mark, Pose, arrow, dense


@pytest.fixture
def plan() -> FloorPlan:
    """A floor of 20 m × 10 m whose lower left corner is at (-2, -1)."""
    png = io.BytesIO()
    Image.new("RGB", (400, 200), (255, 255, 255)).save(png, "PNG")
    return FloorPlan.from_png(png.getvalue(), resolution=0.05, origin_x=-2.0, origin_y=-1.0)


def drawn(plan: FloorPlan, **what: object) -> list[str]:
    return plan.drawn(40, **what).plain.splitlines()  # type: ignore[arg-type]


def test_the_plan_keeps_the_shape_of_the_floor(plan: FloorPlan) -> None:
    lines = drawn(plan)
    assert (len(lines), {len(line) for line in lines}) == (10, {40})


@pytest.mark.parametrize(("x", "y", "column", "line"), [(-1.9, -0.9, 0, 9), (17.9, 8.9, 39, 0), (8.1, 3.9, 20, 5)])
def test_a_robot_stands_where_its_pose_says(plan: FloorPlan, x: float, y: float, column: int, line: int) -> None:
    assert drawn(plan, robots=[Pose(x, y, 0.0)])[line][column] == "→"


def test_what_is_off_the_plan_lands_on_its_edge(plan: FloorPlan) -> None:
    assert drawn(plan, robots=[Pose(99.0, -99.0, 0.0)])[9][39] == "→"


def test_a_goal_near_the_edge_keeps_its_whole_name(plan: FloorPlan) -> None:
    assert drawn(plan, goal=Mark(17.9, 8.9, "STUDY-3"))[0].endswith("⚑ STUDY-3")


@pytest.mark.parametrize(
    ("yaw", "shown"), [(0.0, "→"), (math.pi / 2, "↑"), (math.pi, "←"), (-math.pi, "←"), (-math.pi / 2, "↓"), (0.7, "↗")]
)
def test_an_arrow_shows_the_heading(yaw: float, shown: str) -> None:
    assert arrow(yaw) == shown


def test_a_trail_is_drawn_without_gaps_but_not_across_a_leap() -> None:
    points = list(dense([Pose(0, 0, 0), Pose(1, 0, 0), Pose(9, 0, 0)]))

    assert [x for x, _ in points] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
