"""The heart of LUNA: a book goes out and comes back."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.e2e.world import ROOT, World, driving, once

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


def test_a_return_outlives_the_death_of_the_robots_programs(world: World) -> None:
    killed: list[int] = []
    story = world.story()
    loan = story.deliver()
    story.watch = once(driving("TO_DROPOFF", beyond=0.1), lambda: killed.append(world.kill("robot-luna1")))

    story.bring_back(loan, story.trips[0].destination)

    assert killed, "the robot was never seen driving back"
    assert steps(world, story.trips[1].task_id) == STEPS


@pytest.mark.parametrize("victim", ["web", "robot-luna1", "rosbridge-luna1", "worker", "safety-luna1", "valkey"])
def test_a_delivery_outlives_the_death_of_a_part(world: World, victim: str) -> None:
    killed: list[int] = []
    story = world.story(once(driving("TO_DROPOFF", beyond=0.1), lambda: killed.append(world.kill(victim))))

    loan = story.deliver()

    assert killed, "the robot was never seen driving to the student"
    world.replaced(victim, killed[0])
    assert steps(world, story.trips[0].task_id) == STEPS
    assert loan["closed_at"] is None
