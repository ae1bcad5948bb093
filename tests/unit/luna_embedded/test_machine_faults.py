"""Faults outside of the simulator: what people may ask for, in which words."""

import asyncio
from pathlib import Path

import pytest

from luna_embedded.exit_codes import Refusal
from luna_embedded.sim.faults import _read
from luna_embedded.sim.machine_faults import Kind, MachineFaults
from luna_embedded.state import StateDir, begin, prepare, write_json
from luna_embedded.supervision.answering import serve
from luna_sim.core.faults import ELSEWHERE


def test_the_simulator_knows_which_faults_are_not_its_own() -> None:
    assert tuple(Kind) == ELSEWHERE


def test_they_take_a_robot_and_a_time() -> None:
    assert _read(["luna1", "for=20"]) == ("luna1", 20.0)
    assert _read([]) == (None, None)
    for word in ("for=soon", "for=-1", "x=3"):
        with pytest.raises(Refusal, match="says nothing here"):
            _read([word])


def test_what_holds_of_a_robot_that_this_run_does_not_have_is_forgotten(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    begin(state)
    prepare(state, lambda _: 10**12)
    pids = {"robot-luna2": 77, "safety-luna2": 78}
    write_json(state.run / "faults.json", {"faults": [{"kind": "DISK_FULL", "robot": "luna2", "pids": pids}]})
    snapshot = {"robots": ["luna1"], "parts": [{"name": "robot-luna1", "pid": 0, "state": "stopped"}]}

    def look() -> None:
        faults = MachineFaults(state)
        assert faults.holding() == [] and faults.clear() == 0
        with pytest.raises(Refusal, match="robot-luna1 is stopped"):
            faults.begin(Kind.DISK_FULL, "luna1")

    async def beside_a_supervisor() -> None:
        async with await serve(state.control_socket, lambda *_: snapshot):
            await asyncio.to_thread(look)

    asyncio.run(beside_a_supervisor())
