"""The controller against a real rosbridge and a robot's real interface."""

import signal
from collections.abc import Callable
from uuid import UUID

import pytest

from luna_web.robot.ports import Handover, Outcome, Phase
from tests.integration.web.robot.desk import DeskInMemory
from tests.integration.web.robot.ros_side import Bridge, RobotDouble, until
from tests.integration.world import Api, data

PARK = 1


def status(api: Api) -> dict[str, object]:
    shown: dict[str, object] = data(api.get("/robot/status"))
    return shown


class TestDelivery:
    def test_a_queued_delivery_is_driven_to_its_end_by_what_people_confirm(
        self, robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
    ) -> None:
        until(lambda: status(led)["online"], "the robot is online")
        task = desk.put()

        goal = robot.wait_for("goal", delivery_id=str(task.task_id))
        assert goal["stops"] == ["DESK-1", "STUDY-1"]
        until(lambda: Phase.AWAITING_LOAD in desk.phases(task), "the robot waits to be loaded")
        desk.confirm(luna1, Handover.LOAD, desk.handover_seq(task))
        until(lambda: Phase.AWAITING_UNLOAD in desk.phases(task), "the robot waits to be unloaded")
        desk.confirm(luna1, Handover.UNLOAD, desk.handover_seq(task))
        until(lambda: desk.outcome(task) is Outcome.SUCCEEDED, "the delivery is done")

        assert len(robot.events("started", delivery_id=str(task.task_id))) == 1
        assert len(robot.events("confirm")) == 2
