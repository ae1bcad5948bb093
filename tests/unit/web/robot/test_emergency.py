"""What is pursued of an emergency stop when there is nothing left to stop."""

import asyncio
from uuid import uuid4

from luna_web.robot.emergency import EmergencyStops, StopOrder
from luna_web.robot.errors import RobotNotFound
from luna_web.robot.link import RobotAddress
from luna_web.robot.store import KnownRobot


def test_a_robot_that_was_taken_out_meanwhile_is_tried_no_more() -> None:
    known = KnownRobot(uuid4(), "luna1", RobotAddress("ws://127.0.0.1:9/luna1", "/luna1", "t" * 20))

    async def write(order: StopOrder) -> str:
        raise RobotNotFound()

    async def stop() -> None:
        stops = EmergencyStops(write)
        (result,) = await stops.engage([StopOrder(known, "stop", "", "librarian")])
        assert (result.confirmed, result.written, result.problem) == (False, False, "the robot was taken out")
        assert not stops.pursued

    asyncio.run(stop())
