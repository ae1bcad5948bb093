"""The link to a robot: what it survives."""

import asyncio
import logging

import pytest

from luna_web.robot.link import Listener, RobotAddress, RobotLink


def test_whatever_a_connection_meets_it_is_opened_anew(caplog: pytest.LogCaptureFixture) -> None:
    async def stumble_twice() -> None:
        link = RobotLink(RobotAddress("no address at all", "/luna1", "t" * 20), Listener(lambda _: None))
        link.start()
        async with asyncio.timeout(20):
            while len([one for one in caplog.records if "stumbled" in one.message]) < 2:
                await asyncio.sleep(0.02)
        assert not link.connected
        await link.stop()

    with caplog.at_level(logging.ERROR):
        asyncio.run(stumble_twice())
