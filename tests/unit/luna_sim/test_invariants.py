"""What holds in every step of the world, whatever robots and people are at."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from luna_floor.model import Waypoint, WaypointKind
from luna_sim.core.geometry import Pose, wrap
from luna_sim.core.kinematics import limited
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.robot import ENERGY_STEPS, RobotState
from luna_sim.core.world import STEP_NS, World

from .conftest import furnished

PARAMETERS = RobotParameters()
DT = STEP_NS / 1e9
CHARGED = PARAMETERS.battery.charge_power * DT * ENERGY_STEPS / 3600.0
"""Wh from one reckoning of the battery to the next."""
DOCKS = tuple(Waypoint(f"DOCK-{n}", "dock", WaypointKind.DOCK, 0.4, y, math.pi) for n, y in ((1, 1.5), (2, 4.5)))
FLOOR = furnished(DOCKS)
places = st.builds(Pose, st.floats(1.5, 7), st.floats(0.6, 5.4), st.floats(-math.pi, math.pi))
order = st.tuples(st.sampled_from(("r0", "r1")), st.one_of(places, st.sampled_from(("dock", "undock"))))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), orders=st.lists(order, min_size=2, max_size=5), energy=st.floats(0.02, 26.0))
def test_nothing_goes_beyond_what_physics_and_parameters_allow(
    seed: int, orders: list[tuple[str, Pose | str]], energy: float
) -> None:
    floor = FLOOR
    world = World(floor, PARAMETERS, seed, people=3)
    for number, dock in enumerate(floor.docks.values()):
        world.add_robot(f"r{number}", RobotState(dock, energy))
    docked_steps = dict.fromkeys(world.robots, 0)
    for name, wanted in orders:
        if isinstance(wanted, Pose):
            world.navigate(name, wanted)
        elif wanted == "dock":
            world.dock(name, floor.docks[f"DOCK-{1 + int(name[1])}"], drive_there=True, drive_time=60)
        else:
            world.undock(name, 20)
        for _ in range(250):
            before = {n: r.battery.energy for n, r in world.robots.items()}
            world.step()
            for n, robot in world.robots.items():
                docked_steps[n] += robot.dock is not None
                held_to_energy(before[n], robot.battery.energy, docked=robot.dock is not None)
                assert limited(robot.velocity, PARAMETERS.drive) == robot.velocity
                assert floor.clearance(robot.pose.x, robot.pose.y) >= PARAMETERS.drive.radius - 1e-9
                estimate = robot.localization.estimate
                assert not robot.localization.lost
                assert robot.pose.distance_to(estimate.x, estimate.y) < 0.06
                assert abs(wrap(robot.pose.yaw - estimate.yaw)) < 0.1
    for n, robot in world.robots.items():
        assert robot.bumps == 0
        assert robot.battery.energy <= energy + CHARGED * (docked_steps[n] / ENERGY_STEPS + 1)
        assert docked_steps[n] or robot.battery.energy < energy


def held_to_energy(before: float, after: float, *, docked: bool) -> None:
    """Off the dock energy only flows out, on it no more in than the charger gives, and never past empty or full."""
    assert after - before <= (CHARGED if docked else 0.0) + 1e-12
    assert 0.0 <= after <= PARAMETERS.battery.capacity
