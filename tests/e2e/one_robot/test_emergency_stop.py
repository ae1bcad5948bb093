"""An emergency stop in mid-drive, watched on the robot's own odometry."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from luna_embedded.bench.odometer import Odometer
from tests.e2e.world import World, driving, once, wait_until


@pytest.fixture
def odometer(world: World) -> Iterator[Odometer]:
    with world.odometer("luna1") as odometer:
        wait_until("odometry arrives", lambda: odometer.readings)
        yield odometer


def test_a_stop_in_mid_drive_holds_through_a_restart_until_released_and_resumed(
    world: World, odometer: Odometer
) -> None:
    story = world.story(once(driving("TO_DROPOFF", beyond=0.1), lambda: stop_restart_and_go_on(world, odometer)))

    loan = story.deliver()

    assert loan["closed_at"] is None
    assert story.trips[0].status == "COMPLETED"


def stop_restart_and_go_on(world: World, odometer: Odometer) -> None:
    librarian = world.raw("LIBRARIAN")
    asked = time.time()
    answer = librarian.post("/robot/emergency-stop", json={"reason": "A child runs in the aisle"})
    assert answer.status_code == 200, answer.text
    stop = answer.json()["data"]["estop_id"]
    stands = wait_until("the robot stands", lambda: odometer.still_from(asked), deadline=5.0)
    robot = librarian.get("/robot/status").json()["data"]
    assert (robot["estop"]["engaged"], robot["estop"]["id"]) == (True, stop)

    for part in ("robot-luna1", "safety-luna1"):
        world.replaced(part, world.kill(part))
    wait_until("the restarted robot tells of its stop", lambda: tells_of(world, stop))

    assert librarian.post("/robot/emergency-stop/release", json={"estop_id": "another-stop"}).status_code == 404
    released = librarian.post("/robot/emergency-stop/release", json={"estop_id": stop})
    assert released.status_code in {200, 202}, released.text
    wait_until("the release shows", lambda: not librarian.get("/robot/status").json()["data"]["estop"]["engaged"])
    assert all(reading.still for reading in odometer.since(stands)), "it moved before it was resumed"

    resumed = librarian.post(f"/robot/{robot['id']}/resume", json={})
    assert resumed.status_code in {200, 202}, resumed.text
    wait_until("the robot drives on", odometer.moving)


def tells_of(world: World, stop: str) -> bool:
    robot = world.raw("LIBRARIAN").get("/robot/status").json()["data"]
    return bool(robot["online"] and robot["estop"]["confirmed"] and robot["estop"]["id"] == stop)
