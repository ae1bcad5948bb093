"""The three onboard nodes in one process or each in one of its own: to everyone else the same robot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from luna_interfaces.msg import DeliveryState, Waypoint

from luna_robot import conversions
from luna_robot.geometry import Pose
from tests.ros.luna_robot.conftest import LOAD, UNLOAD, World, world
from tests.ros.luna_robot.controller import stop
from tests.ros.luna_robot.processes import ALONE

S = DeliveryState
SPEED = 10.0  # the ways are long, and nothing here is to be seen in time
COMPOSITIONS = {"together": ("onboard",), "alone": ALONE}


@pytest.fixture(scope="module", params=COMPOSITIONS.values(), ids=COMPOSITIONS)
def nodes(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


@pytest.fixture(scope="module")
def robot(nodes: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("robot"), nodes, SPEED) as robot:
        yield robot


def test_a_delivery_outlives_the_death_of_each_process_on_the_way(robot: World, nodes: tuple[str, ...]):
    controller = robot.controller
    journal = controller.status.journal_id
    far = stop("DESK-2", 28.0, 10.2, handover=LOAD)
    goal = controller.goal("deaths", [far, stop("SHELF-B8", 25.525, 14.0, 1.570796, handover=UNLOAD)])
    controller.send(goal)
    for name in nodes:
        controller.wait(lambda: controller.speed > 0.05, 60.0, f"drives before {name} dies")
        robot.processes.kill(name)
        controller.wait(lambda: controller.locked and controller.speed == 0.0, 20.0, f"stands still without {name}")
        robot.processes.start(name)
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)
    controller.wait_ready()
    assert controller.status.journal_id == journal
    assert robot.story_of(goal.delivery_id).count("LEG_ARRIVED") == 1
    assert controller.took(controller.confirm(LOAD))
    controller.wait_for_phase(S.PHASE_AWAITING_UNLOAD)
    assert controller.confirm(UNLOAD).state.outcome == S.OUTCOME_SUCCEEDED
    assert robot.story_of(goal.delivery_id).count("LEG_ARRIVED") == 2


def test_a_cancel_stops_it_and_an_operator_may_drive_it(robot: World):
    controller = robot.controller
    desk = Waypoint(location_code="DESK-1", name="Desk", kind="DESK", pose=conversions.pose_msg(Pose(6.8, 7.2, -1.57)))
    assert controller.took(controller.call("set_waypoints", map_id="library", version=4, waypoints=[desk]))
    goal = robot.goal()
    result = controller.send(goal)
    controller.wait(lambda: controller.speed > 0.05, 60.0, "drives")
    assert controller.navigate(20.0, waypoint="desk-1").error_code == S.ERROR_BUSY
    answer = controller.call("cancel_delivery", delivery_id=goal.delivery_id, attempt=1, reason="enough")
    assert controller.took(answer)
    assert controller.state_of(result, 60.0).outcome == S.OUTCOME_CANCELLED
    controller.wait(lambda: controller.speed == 0.0, 20.0, "stands still")
    arrived = controller.navigate(90.0, waypoint="desk-1")
    assert (arrived.error_code, arrived.final_distance < 0.3) == (0, True)
    controller.wait(lambda: controller.status.nearest_waypoint == "DESK-1", 20.0)
