"""PostgreSQL goes away for a while in the middle of a delivery."""

from __future__ import annotations

import time

from tests.e2e.one_robot.test_delivered_book import STEPS, steps
from tests.e2e.world import World, driving, once, wait_until

OUTAGE = 20.0


def test_twenty_seconds_without_postgresql_are_503_and_then_all_goes_on(world: World) -> None:
    story = world.story(once(driving("TO_DROPOFF", beyond=0.1), lambda: take_postgresql_away(world)))

    story.deliver()

    assert steps(world, story.trips[0].task_id) == STEPS


def take_postgresql_away(world: World) -> None:
    student = world.raw("STUDENT")
    world.order("stop", "postgres")
    gone = time.monotonic()
    try:
        answers = []
        while time.monotonic() - gone < OUTAGE:
            answers.append(student.get("/requests"))
        for answer in answers:
            body = answer.json()
            assert (answer.status_code, body["success"], body["error"]["code"]) == (
                503,
                False,
                "DEPENDENCY_UNAVAILABLE",
            ), body
            assert int(answer.headers["Retry-After"]) > 0
    finally:
        world.order("start", "postgres")
    wait_until("the API answers again", lambda: student.get("/requests").status_code == 200)
