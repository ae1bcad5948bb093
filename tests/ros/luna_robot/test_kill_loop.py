"""Deliveries one after another while processes are killed at moments that a seed chooses; `--kills=N` makes N of them.

Half of the kills fall right behind a change that was told, which is where a journal was just written; the others
anywhere. After all: each delivery has one outcome, the journal tells each leg and each hand-over once, without a gap,
and the robot never moved while it was locked.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from luna_interfaces.msg import DeliveryState, JournalEntry

from luna_sim.core.parameters import RobotParameters
from tests.conftest import LONGEST_DELIVERY_S
from tests.domains import Domain
from tests.ros.luna_robot.conftest import LOAD, UNLOAD, World
from tests.ros.luna_robot.controller import Controller
from tests.ros.luna_robot.processes import Processes

S = DeliveryState
SPEED = 12.0
SEED = 20_260
FEW = 2
LOW = 0.4
VICTIMS = ["onboard"] * 6 + ["safety"] * 2 + ["sim"]
WAITING = {S.PHASE_AWAITING_LOAD: LOAD, S.PHASE_AWAITING_UNLOAD: UNLOAD, S.PHASE_AWAITING_FALLBACK_UNLOAD: UNLOAD}


@pytest.fixture
def world(tmp_path: Any) -> Iterator[World]:
    """At a speed of its own, since only what happens counts here."""
    with ExitStack() as stack:
        domain = stack.enter_context(closing(Domain()))
        processes = stack.enter_context(closing(Processes(tmp_path, domain.number, SPEED)))
        for name in ("sim", "safety", "onboard"):
            processes.start(name)
        controller = stack.enter_context(closing(Controller("/luna1", domain.number)))
        controller.wait_ready()
        yield World(processes, controller)


class Trouble:
    """Kills one process now and then, and starts it again at once."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world, self._chance = world, chance
        self.killed: Counter[str] = Counter()
        self._told = -1
        self._next(4.0)

    def look(self) -> None:
        """To be called all the time."""
        seq = self._world.controller.status.journal_seq
        changed, self._told = seq != self._told, seq
        if self._at_a_change and changed:
            time.sleep(self._chance.uniform(0.0, 0.05))  # the moment of the kill: part of what the seed chooses
            self._kill()
        elif not self._at_a_change and time.monotonic() >= self._at:
            self._kill()

    def _kill(self) -> None:
        victim = self._chance.choice(VICTIMS)
        self._world.processes.kill(victim)
        self._world.processes.start(victim)
        self.killed[victim] += 1
        self._next(8.0)

    def _next(self, longest: float) -> None:
        self._at_a_change = self._chance.random() < 0.5
        self._at = time.monotonic() + self._chance.uniform(1.0, longest)


def deliver(world: World, trouble: Trouble, delivery_id: str) -> DeliveryState:
    """As the web tier does it: whatever it last asked may be lost, so it asks again by what the robot tells."""
    controller, deadline = world.controller, time.monotonic() + LONGEST_DELIVERY_S
    goal = world.goal(delivery_id)
    while time.monotonic() < deadline:
        trouble.look()
        known = ask(controller, "get_delivery", delivery_id=delivery_id, attempt=1)
        if known is None:
            continue
        if known.state.phase == S.PHASE_DONE:
            return known.state
        if known.verdict == 2:  # REFUSED: unknown, so the goal never came to hold
            goal.boot_id = controller.status.boot_id
            quietly(lambda: controller.send(goal, 2.0))
        elif known.state.phase == S.PHASE_AWAITING_RECOVERY:
            ask(controller, "resolve_recovery", delivery_id=delivery_id, resolution=1)
        elif known.state.phase in WAITING:
            seq = known.state.handover_seq
            ask(controller, "confirm_handover", delivery_id=delivery_id, attempt=1, handover_seq=seq,
                handover=WAITING[known.state.phase], by="test")  # fmt: skip
        time.sleep(0.05)
    raise AssertionError(f"{delivery_id} has no end after {LONGEST_DELIVERY_S} s\n{controller.status}")


def ask(controller: Controller, name: str, **fields: Any) -> Any:
    return quietly(lambda: controller.call(name, 2.0, **fields))


def quietly(call: Any) -> Any:
    """None where the process that was to answer is being killed."""
    try:
        return call()
    except AssertionError:
        return None


def put_a_full_battery_in(world: World) -> None:
    """Hours of simulated time go by, and a robot that is never sent to its dock would empty its own."""
    world.processes.kill("sim")
    saved = world.processes.folder / "sim" / "simulator.json"
    state = json.loads(saved.read_text())
    for robot in state["robots"].values():
        robot["energy"] = RobotParameters().battery.capacity
    saved.write_text(json.dumps(state))
    world.processes.start("sim")
    world.controller.wait(lambda: world.controller.status.battery_percentage > LOW, 60.0, "the new battery is told")


def journal_of(controller: Controller) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    while batch := controller.call("get_journal", after_seq=len(entries), limit=200).entries:
        entries += batch
    return entries


def test_each_delivery_ends_once_whatever_is_killed(world: World, pytestconfig: pytest.Config) -> None:
    deliveries = pytestconfig.getoption("--kills") or FEW
    chance = random.Random(SEED + deliveries)
    controller, trouble = world.controller, Trouble(world, chance)
    journal = controller.status.journal_id
    names = [f"killed-{number}" for number in range(1, deliveries + 1)]
    for number, name in enumerate(names, 1):
        if controller.status.battery_percentage < LOW:
            put_a_full_battery_in(world)
        state = deliver(world, trouble, name)
        assert (state.outcome, state.error_code) == (S.OUTCOME_SUCCEEDED, 0), state
        if deliveries > FEW:
            print(f"{number}/{deliveries}, killed so far: {dict(trouble.killed)}", flush=True)
    controller.wait_ready()
    assert trouble.killed.total() >= 1
    assert controller.status.journal_id == journal
    entries = journal_of(controller)
    assert [entry.seq for entry in entries] == list(range(1, controller.status.journal_seq + 1))
    for name in names:
        assert_told_once([entry for entry in entries if entry.state.delivery_id == name])
    assert controller.moved_while_locked == []


def assert_told_once(story: list[JournalEntry]) -> None:
    events = Counter(entry.event for entry in story)
    assert (events["GOAL_ACCEPTED"], events["LEG_ARRIVED"], events["DONE"]) == (1, 2, 1), [e.event for e in story]
    handed_over = [e for e in story if e.event == "HANDOVER_CONFIRMED"]
    assert [json.loads(e.detail)["handover"] for e in handed_over] == ["LOAD", "UNLOAD"], [e.event for e in story]
    assert story[-1].event == "DONE"
