"""A robot on the library's floor: simulator, supervisor and onboard nodes, and a controller that drives them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from luna_interfaces.msg import DeliveryStop, JournalEntry
from luna_interfaces.srv import ResolveRecovery

from tests.domains import Domain
from tests.ros.luna_robot.controller import Controller, duration, stop
from tests.ros.luna_robot.processes import Processes

SPEED = 6.0
DESK = {"waypoint": "DESK-1", "x": 6.8, "y": 7.2, "yaw": -1.570796}
RETURNS = {"waypoint": "RETURN-1", "x": 1.8, "y": 4.3, "yaw": 3.141593}
LOAD, UNLOAD = DeliveryStop.HANDOVER_LOAD, DeliveryStop.HANDOVER_UNLOAD
_numbers = itertools.count(1)


class World:
    """Processes and a controller."""

    def __init__(self, processes: Processes, controller: Controller) -> None:
        self.processes = processes
        self.controller = controller

    @property
    def faults(self) -> set[str]:
        return {fault.code for fault in self.controller.status.faults}

    def story_of(self, delivery_id: str) -> list[str]:
        """What the journal says of it."""
        return [entry.event for entry in self._entries_of(delivery_id)]

    def phases_of(self, delivery_id: str) -> list[int]:
        """What it went through, as the journal says; what lasts shortly may be over before anybody sees it."""
        return [entry.state.phase for entry in self._entries_of(delivery_id) if entry.event == "PHASE"]

    def _entries_of(self, delivery_id: str) -> list[JournalEntry]:
        entries: list[JournalEntry] = []
        while batch := self.controller.call("get_journal", after_seq=len(entries), limit=200).entries:
            entries += batch
        return [entry for entry in entries if entry.state.delivery_id == delivery_id]

    def goal(self, name: str = "", load_timeout: float = 600.0, unload_timeout: float = 300.0, **fields):
        """From the farther one of two places to the other, and back if nobody takes it there."""
        status = self.controller.status
        near, far = sorted((DESK, RETURNS), key=lambda p: math.hypot(p["x"] - status.x, p["y"] - status.y))
        stops = [
            stop(**far, handover=LOAD, handover_timeout=duration(load_timeout)),
            stop(
                **near,
                handover=UNLOAD,
                handover_timeout=duration(unload_timeout),
                on_timeout=DeliveryStop.ON_TIMEOUT_FALLBACK,
            ),
        ]
        name = name or f"delivery-{next(_numbers)}"
        return self.controller.goal(name, stops, fallback=stop(**far, handover=UNLOAD), **fields)

    def settle(self) -> None:
        """Idle and well again, whatever a test has left behind."""
        controller, status = self.controller, self.controller.status
        controller.beating = True
        if status.delivery_id:
            # as whoever took the item says it: a cancel would first have the robot stand, or drive it back
            removed = ResolveRecovery.Request.CARGO_REMOVED
            controller.call("resolve_recovery", delivery_id=status.delivery_id, resolution=removed, by="test")
        controller.wait(lambda: not controller.status.delivery_id, 40.0, "no delivery in hand")
        # odom comes behind what the robot says of its work: the next test must not take the last turn for its own
        controller.wait(lambda: controller.speed == 0.0, 20.0, "stands")


@contextmanager
def world(folder: Path, nodes: Iterable[str], speed: float = SPEED) -> Iterator[World]:
    """The simulator, the supervisor and these processes, ready for a goal."""
    with ExitStack() as stack:
        domain = stack.enter_context(closing(Domain()))
        processes = stack.enter_context(closing(Processes(folder, domain.number, speed)))
        for name in ("sim", "safety", *nodes):
            processes.start(name)
        controller = stack.enter_context(closing(Controller("/luna1", domain.number)))
        controller.wait_ready()
        yield World(processes, controller)


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Ready for its first goal."""
    with world(tmp_path_factory.mktemp("robot"), ["onboard"]) as robot:
        yield robot
