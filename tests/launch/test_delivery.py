"""robot.launch.py brings a robot up that delivers, stops on demand, and ends cleanly."""

from __future__ import annotations

import unittest
from typing import Any

import pytest

from tests.launch.stage import Stage, Story, require_ros

require_ros()

import launch_testing.actions  # noqa: E402
import launch_testing.asserts  # noqa: E402
import launch_testing.markers  # noqa: E402
from luna_interfaces.msg import DeliveryState, DeliveryStop, RobotStatus  # noqa: E402

from launch import LaunchDescription  # noqa: E402
from tests.ros.luna_robot.controller import duration, stop  # noqa: E402

LOAD, UNLOAD = DeliveryStop.HANDOVER_LOAD, DeliveryStop.HANDOVER_UNLOAD
STOPS = [
    stop("DESK-1", 6.8, 7.2, -1.570796, handover=LOAD, handover_timeout=duration(600)),
    stop("RETURN-1", 1.8, 4.3, 3.141593, handover=UNLOAD),
]


@pytest.mark.launch_test
@launch_testing.markers.keep_alive
def generate_test_description() -> tuple[LaunchDescription, dict[str, Any]]:
    stage = Stage(respawn=False)
    return LaunchDescription([*stage.actions, launch_testing.actions.ReadyToTest()]), {"stage": stage}


class TestDelivery(Story):
    """In the order of the names."""

    def test_1_comes_up_under_its_name_without_a_fault(self, stage: Stage) -> None:
        controller = self.talk(stage)
        controller.wait_ready()
        status = controller.status
        assert (status.robot_name, status.estopped, status.localized) == ("luna1", False, True)
        names = {name for name, _ in controller.node.get_node_names_and_namespaces()}
        assert {"task_executor", "waypoint_navigator", "status_publisher", "safety_supervisor"} <= names
        assert (stage.folder / "luna1" / "journal.sqlite3").is_file()

    def test_2_delivers(self, stage: Stage) -> None:
        controller = self.talk(stage)
        result = controller.send(controller.goal("one", STOPS))
        controller.wait_for_phase(DeliveryState.PHASE_AWAITING_LOAD)
        controller.confirm(LOAD)
        controller.wait_for_phase(DeliveryState.PHASE_AWAITING_UNLOAD)
        controller.confirm(UNLOAD)
        assert controller.state_of(result).outcome == DeliveryState.OUTCOME_SUCCEEDED

    def test_3_stops_in_mid_drive_until_released_and_resumed(self, stage: Stage) -> None:
        controller = self.talk(stage)
        result = controller.send(controller.goal("two", STOPS))
        controller.wait(lambda: controller.speed > 0.2, 60.0)
        controller.call("set_emergency_stop", engage=True, estop_id="e", reason="test", by="staff")
        controller.wait(lambda: controller.speed == 0.0 and controller.locked, 1.0, "zero velocity and the lock")
        controller.stays(lambda: controller.speed == 0.0, 1.0, "moves while stopped")
        assert controller.call("set_emergency_stop", engage=False, estop_id="e", by="staff").verdict == 0
        controller.wait(lambda: controller.status.mode == RobotStatus.MODE_SUSPENDED, 20.0)
        assert controller.call("resume", estop_id="e").verdict == 0
        controller.wait(lambda: controller.speed > 0.05, 60.0)
        controller.call("cancel_delivery", delivery_id="two", attempt=1, reason="over")
        assert controller.state_of(result).outcome == DeliveryState.OUTCOME_CANCELLED


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    def test_every_process_ended_cleanly(self, proc_info: Any) -> None:
        assert {name.rsplit("-", 1)[0] for name in proc_info.process_names()} >= {"onboard", "safety_supervisor"}
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0])
