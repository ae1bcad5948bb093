"""The heart of LUNA: a book goes out and comes back."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping

import pytest

from luna_embedded.demo.story import Story
from tests.e2e.world import ROOT, World, driving

TWO_TRIPS = 500.0


def test_the_demonstration_delivers_a_book_and_takes_it_back(world: World) -> None:
    done = world.luna("demo", deadline=TWO_TRIPS)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Both trips done" in done.stdout


def test_the_commands_of_the_api_guide_and_of_the_catalogs_page_work_as_printed(world: World) -> None:
    guide = "".join((ROOT / "docs" / page).read_text() for page in ("api.md", "catalog.md"))
    script = "set -euo pipefail\n" + "\n".join(re.findall(r"^```bash\n(.*?)^```", guide, re.MULTILINE | re.DOTALL))

    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**os.environ, "LUNA": world.address, "LUNA_STATE": str(world.state)},
        capture_output=True,
        text=True,
        timeout=TWO_TRIPS,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


STEPS = [
    "QUEUED",
    "ASSIGNED",
    "IN_PROGRESS TO_PICKUP",
    "IN_PROGRESS AWAITING_LOAD",
    "IN_PROGRESS TO_DROPOFF",
    "IN_PROGRESS AWAITING_UNLOAD",
    "COMPLETED",
]


def steps(world: World, task_id: str) -> list[str]:
    """What a task went through after it was accepted."""
    told = [f"{row['to_status']} {row['phase'] or ''}".strip() for row in world.history(task_id)]
    return [step for step in told if step != "PENDING"]


# Which part is killed while the robot drives this leg of the trip out or of that back, which begins where it stands.
DEATHS = {
    "the web's": {("out", "TO_PICKUP"): "worker", ("out", "TO_DROPOFF"): "web", ("back", "TO_DROPOFF"): "valkey"},
    "the robot's": {
        ("out", "TO_PICKUP"): "safety-luna1",
        ("out", "TO_DROPOFF"): "rosbridge-luna1",
        ("back", "TO_DROPOFF"): "robot-luna1",
    },
}
WAYS = ("out", "back")


class Killer:
    """Kills each part in its leg, once; before the next, the last must have a successor."""

    def __init__(self, world: World, deaths: Mapping[tuple[str, str], str]) -> None:
        self._world = world
        self._deaths = deaths
        self.killed: dict[tuple[str, str], int] = {}

    def watch(self, story: Story) -> None:
        if story.trip is None:
            return
        leg = (WAYS[len(story.trips) - 1], str(story.trip.phase))
        if leg in self._deaths and leg not in self.killed and driving(leg[1], beyond=0.1)(story):
            self.all_replaced()
            self.killed[leg] = self._world.kill(self._deaths[leg])

    def all_replaced(self) -> None:
        for leg, pid in self.killed.items():
            self._world.replaced(self._deaths[leg], pid)


@pytest.mark.parametrize("deaths", DEATHS.values(), ids=DEATHS)
def test_there_and_back_while_parts_die(world: World, deaths: Mapping[tuple[str, str], str]) -> None:
    """kill -9 in mid-drive, and yet each step of each trip happens once."""
    killer = Killer(world, deaths)
    story = world.story(killer.watch)

    loan = story.deliver()
    assert loan["closed_at"] is None
    story.bring_back(loan, story.trips[0].destination)

    assert killer.killed.keys() == deaths.keys(), "the robot was never seen driving the others"
    killer.all_replaced()
    assert [steps(world, trip.task_id) for trip in story.trips] == [STEPS, STEPS]
