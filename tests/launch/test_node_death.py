"""Processes of a robot that are killed: it stands, says so, and goes on when the launch has started them anew."""

from __future__ import annotations

import os
import signal
import unittest
from pathlib import Path
from typing import Any

import pytest

from tests.launch.stage import Stage, Story, require_ros

require_ros()

import launch_testing.actions  # noqa: E402
import launch_testing.asserts  # noqa: E402
import launch_testing.markers  # noqa: E402
from luna_interfaces.msg import DeliveryState, DeliveryStop  # noqa: E402

from launch import LaunchDescription  # noqa: E402
from tests.ros.luna_robot.controller import Controller, duration, stop  # noqa: E402


@pytest.mark.launch_test
@launch_testing.markers.keep_alive
def generate_test_description() -> tuple[LaunchDescription, dict[str, Any]]:
    stage = Stage(respawn=True)
    return LaunchDescription([*stage.actions, launch_testing.actions.ReadyToTest()]), {"stage": stage}


class TestDeath(Story):
    """In the order of the names."""

    def test_1_the_onboard_nodes_die_in_mid_drive(self, stage: Stage) -> None:
        controller = self.talk(stage)
        controller.wait_ready()
        place = stop("DESK-1", 6.8, 7.2, -1.570796, handover=DeliveryStop.HANDOVER_LOAD, handover_timeout=duration(600))
        back = stop("RETURN-1", 1.8, 4.3, 3.141593, handover=DeliveryStop.HANDOVER_UNLOAD)
        controller.send(controller.goal("one", [place, back]))
        controller.wait(lambda: controller.speed > 0.2, 60.0)
        boot = controller.status.boot_id
        kill("onboard")
        controller.wait(lambda: controller.locked and controller.speed == 0.0, 2.0, "stands, locked")
        controller.wait(lambda: controller.status.boot_id != boot, 60.0, "another boot of the nodes")
        controller.wait_for_phase(DeliveryState.PHASE_AWAITING_LOAD)
        assert controller.status.delivery_id == "one"

    def test_2_the_supervisor_dies(self, stage: Stage) -> None:
        controller = self.talk(stage)
        controller.call("set_emergency_stop", engage=True, estop_id="e", reason="test", by="staff")
        kill("safety_supervisor")
        controller.wait(lambda: any(f.code == "SAFETY_SILENT" for f in controller.status.faults), 10.0, "it is missed")
        controller.wait(lambda: controller.status.estop_id == "e" and not silent(controller), 60.0, "its stop holds")
        controller.call("set_emergency_stop", engage=False, estop_id="e", by="staff")
        controller.wait(lambda: not controller.status.estopped, 20.0)
        controller.call("cancel_delivery", delivery_id="one", attempt=1, reason="over")


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    def test_only_what_was_killed_ended_otherwise_than_cleanly(self, proc_info: Any) -> None:
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0, -signal.SIGKILL])


def silent(controller: Controller) -> bool:
    return any(fault.code == "SAFETY_SILENT" for fault in controller.status.faults)


def kill(program: str) -> None:
    """SIGKILL to the child of this process that runs a program of luna_robot."""
    children = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdecimal() and _runs(folder, program)
    ]
    assert len(children) == 1, (program, children)
    os.kill(children[0], signal.SIGKILL)


def _runs(folder: Path, program: str) -> bool:
    try:
        parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        words = (folder / "cmdline").read_text().split("\0")
    except OSError:  # it has just ended
        return False
    return int(parent) == os.getpid() and any(word.endswith(f"/luna_robot/{program}") for word in words)
