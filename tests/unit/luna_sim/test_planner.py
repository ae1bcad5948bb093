"""Plans: free of collisions, near the shortest, and an error that says why there is none."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from luna_sim.core.disc import Disc
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.outcome import Code
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.path import SPACING, Path
from luna_sim.core.planner import PlanError, Planner
from luna_sim.setup import read_floor

from .conftest import SIM, free_places, hall, poses

RADIUS = RobotParameters().drive.radius


@pytest.fixture(scope="module")
def planner(library: Floor) -> Planner:
    return Planner(library, RobotParameters())


def room_along(floor: Floor, path: Path) -> float:
    """The least clearance anywhere on the path, also between its points."""
    xs, ys = np.array(path.xs), np.array(path.ys)
    middle = (xs[1:] + xs[:-1]) / 2, (ys[1:] + ys[:-1]) / 2
    return min(floor.allowed_field(xs, ys).min(), floor.allowed_field(*middle).min())


class TestPaths:
    @settings(max_examples=60, deadline=None)
    @given(start=free_places(), goal=free_places())
    def test_a_path_is_free_of_collisions_and_joins_start_and_goal(
        self, library: Floor, planner: Planner, start: Pose, goal: Pose
    ) -> None:
        path = planner.plan(start, goal)
        assert room_along(library, path) >= RADIUS
        assert (path.xs[0], path.ys[0]) == pytest.approx((start.x, start.y))
        assert (path.xs[-1], path.ys[-1]) == pytest.approx((goal.x, goal.y))
        assert path.length >= math.hypot(goal.x - start.x, goal.y - start.y) - 1e-6

    @pytest.mark.parametrize(("name", "every"), [("library", 1), ("annex", 4)])
    def test_a_round_through_the_waypoints(self, name: str, every: int) -> None:
        files = read_floor(SIM / "maps" / name)
        planner, places = Planner(files.floor, RobotParameters()), list(poses(files.waypoints).items())[::every]
        for (code, place), (_, following) in zip(places, [*places[1:], places[0]], strict=True):
            path = planner.plan(place, following)
            assert room_along(files.floor, path) >= RADIUS, code
            assert path.length >= place.distance_to(following.x, following.y) - 1e-6

    def test_points_are_close_together_and_the_distance_adds_up(
        self, planner: Planner, waypoints: dict[str, Pose]
    ) -> None:
        path = planner.plan(waypoints["DOCK-1"], waypoints["STUDY-Q"])
        steps = np.hypot(np.diff(path.xs), np.diff(path.ys))
        assert steps.max() <= SPACING * 1.5
        assert path.length == pytest.approx(steps.sum())
        assert path.heading(len(path.xs) - 1) == waypoints["STUDY-Q"].yaw

    def test_in_an_empty_room_the_path_is_straight(self) -> None:
        path = Planner(hall(), RobotParameters()).plan(Pose(1, 2, 0), Pose(5, 2.5, 0))
        assert path.length == pytest.approx(math.hypot(4, 0.5), rel=0.01)

    def test_a_path_makes_a_bow_around_another_robot(self) -> None:
        other = Disc(3, 2, 0.235)
        path = Planner(hall(), RobotParameters()).plan(Pose(1, 2, 0), Pose(5, 2, 0), [other])
        nearest = min(math.hypot(x - 3, y - 2) for x, y in zip(path.xs, path.ys, strict=True))
        assert nearest >= other.radius + RADIUS
        assert path.length < 4.6

    def test_keep_out_zones_are_not_entered(self, library: Floor, planner: Planner) -> None:
        path = planner.plan(Pose(4.5, 13.0, 0), Pose(9.3, 13.0, 0))
        assert not any(5.4 < x < 8.8 and 11.2 < y < 14.8 for x, y in zip(path.xs, path.ys, strict=True))


class TestErrors:
    @pytest.mark.parametrize(
        ("goal", "code"),
        [
            (Pose(90, 3, 0), Code.GOAL_OUTSIDE_MAP),
            (Pose(math.nan, 3, 0), Code.GOAL_OUTSIDE_MAP),
            (Pose(10.9, 5.0, 0), Code.GOAL_OCCUPIED),
            (Pose(38, 1, 0), Code.GOAL_OCCUPIED),
            (Pose(4, 0.8, 0), Code.GOAL_OCCUPIED),
        ],
    )
    def test_a_goal_that_can_not_be_stood_on(
        self, planner: Planner, waypoints: dict[str, Pose], goal: Pose, code: Code
    ) -> None:
        with pytest.raises(PlanError) as caught:
            planner.plan(waypoints["DESK-1"], goal)
        assert caught.value.code is code

    def test_a_start_outside_the_map(self, planner: Planner, waypoints: dict[str, Pose]) -> None:
        with pytest.raises(PlanError) as caught:
            planner.plan(Pose(-3, 3, 0), waypoints["DESK-1"])
        assert caught.value.code is Code.START_OUTSIDE_MAP

    def test_a_start_inside_a_wall(self, planner: Planner, waypoints: dict[str, Pose]) -> None:
        with pytest.raises(PlanError) as caught:
            planner.plan(Pose(3.0, 24.9, 0), waypoints["DESK-1"])
        assert caught.value.code is Code.START_OCCUPIED

    def test_a_goal_behind_walls(self) -> None:
        floor = hall()
        floor.grid.cells[:, 60:64] = 100
        walled = Floor(floor.grid, None, ())
        with pytest.raises(PlanError) as caught:
            Planner(walled, RobotParameters()).plan(Pose(1, 2, 0), Pose(5, 2, 0))
        assert caught.value.code is Code.NO_VALID_PATH
