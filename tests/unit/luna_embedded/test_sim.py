"""`./luna sim` before it becomes the simulator: what it accepts, what it keeps, how others find it."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.layout import this_checkout
from luna_embedded.sim import alone as module
from luna_embedded.sim.alone import Wanted, alone, become_simulator, floor_folder, robot_names
from luna_embedded.sim.reach import simulator_variables
from luna_embedded.state import Lock, StateDir

CHECKOUT = this_checkout()


class Became(Exception):
    """Stands for the end of this program: another one goes on in its place."""


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / "state")


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """What this process would have become."""
    calls: list[tuple[list[str], dict[str, str]]] = []

    def exec_(path: str, words: list[str], variables: dict[str, str]) -> None:
        calls.append((words, variables))
        raise Became

    monkeypatch.setattr(module.os, "execve", exec_)
    return calls


def test_a_floor_is_one_of_ours_by_name_or_any_folder(tmp_path: Path) -> None:
    assert floor_folder(CHECKOUT, "library") == CHECKOUT.root / "sim/maps/library"
    (tmp_path / "map.yaml").touch()
    assert floor_folder(CHECKOUT, str(tmp_path)) == tmp_path
    with pytest.raises(Refusal, match=r"no floor attic") as refused:
        floor_folder(CHECKOUT, "attic")
    assert "library" in refused.value.mend and refused.value.code == Exit.USAGE


def test_robots_are_counted_or_named() -> None:
    assert robot_names("3") == "luna1,luna2,luna3"
    assert robot_names("ada,bob") == "ada,bob"
    for wrong in ("0", "101"):
        with pytest.raises(Refusal):
            robot_names(wrong)


def test_words_are_passed_on_and_whoever_seeks_the_simulator_finds_its_domain(
    state: StateDir, became: list[tuple[list[str], dict[str, str]]]
) -> None:
    environment = {"ROS_DOMAIN_ID": "97", "PATH": "/bin", "PYTHONPATH": "/elsewhere", "LUNA_JWT_SECRET": "x"}
    wanted = Wanted(robots="2", speed=5.0, seed=7, people=4, scenario=Path("faults.yaml"))
    with pytest.raises(Became):
        become_simulator(CHECKOUT, state, wanted, environment)
    words, variables = became[0]
    told = dict(zip(words[3::2], words[4::2], strict=True))
    assert words[1:3] == ["-m", "luna_sim"]
    assert told.pop("--scenario") == str(Path("faults.yaml").absolute())
    assert told == {
        "--floor": str(CHECKOUT.root / "sim/maps/library"),
        "--robots": "luna1,luna2",
        "--speed": "5.0",
        "--seed": "7",
        "--people": "4",
        "--estop": "optional",
        "--state-dir": str(alone(state).path),
    }
    assert variables["ROS_DOMAIN_ID"] == "97" and "LUNA_JWT_SECRET" not in variables
    assert "/elsewhere" not in variables["PYTHONPATH"] and str(CHECKOUT.root / "sim") in variables["PYTHONPATH"]

    # The lock stays with the process, which here lives on; so it counts as a simulator that runs.
    assert simulator_variables(CHECKOUT, state, {"PATH": "/bin"}) == variables
    with pytest.raises(Refusal, match="runs already") as second:
        become_simulator(CHECKOUT, state, wanted, environment)
    assert second.value.code == Exit.IN_THE_WAY


def test_a_whole_luna_goes_before_a_simulator_alone(state: StateDir) -> None:
    state.path.mkdir()
    lock = Lock(state)
    lock.take()
    with pytest.raises(Refusal, match="LUNA runs with"):
        become_simulator(CHECKOUT, state, Wanted(), {})
    with alone(state).lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert alone(state).runs()
        with pytest.raises(Refusal, match="not running"):  # it asks the supervisor, of which there is but the lock
            simulator_variables(CHECKOUT, state, {})


def test_where_nothing_runs_that_is_said(state: StateDir) -> None:
    with pytest.raises(Refusal) as refused:
        simulator_variables(CHECKOUT, state, {})
    assert refused.value.code == Exit.NOT_RUNNING
