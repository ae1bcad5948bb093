"""The program around the world: arguments, saved state, readiness, the lock topic's silence."""

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_sim.__main__ import main
from luna_sim.core.geometry import Pose
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.robot import Lock, RobotState
from luna_sim.estop_watch import EstopWatch
from luna_sim.notify import notify
from luna_sim.setup import FloorFiles, SetupError, build_world, robot_names
from luna_sim.store import SavedState, StateError, StateStore

from .conftest import LIBRARY_MAPS

SECOND = 1_000_000_000


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--floor", "/nowhere"], "waypoints.yaml: No such file"),
            (["--speed", "0"], "'0' is not a number from 0.1 to 100"),
            (["--speed", "fast"], "'fast' is not a number"),
            (["--people", "-1"], "'-1' is not a whole number from 0 to 200"),
            (["--robots", "Luna 1"], "robot name 'Luna 1'"),
            (["--robots", "luna1,luna1"], "one is used twice"),
            (["--robots", ",".join(f"r{n}" for n in range(9))], "9 robots, but the floor has only 8 docks"),
            (["--state-dir", "/dev/null/x"], "--state-dir"),
            (["--scenario", "/nowhere.yaml"], "--scenario: /nowhere.yaml: [Errno 2] No such file"),
            (["--scenario", str(LIBRARY_MAPS / "map.yaml")], "map.yaml: a scenario is a list of entries such as"),
        ],
    )
    def test_a_wrong_one_ends_with_2_and_says_why(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
    ) -> None:
        usual = ["--floor", str(LIBRARY_MAPS), "--state-dir", str(tmp_path)]
        with pytest.raises(SystemExit) as ended:
            main([*usual, *arguments])
        assert ended.value.code == 2
        assert complaint in capsys.readouterr().err

    def test_they_are_looked_at_without_a_simulation(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        scenario = tmp_path / "faults.yaml"
        words = ["--check", "--floor", str(LIBRARY_MAPS), "--robots", "luna1", "--scenario", str(scenario)]
        scenario.write_text("- {at: 3, fault: LIFTED}")
        assert main(words) == 0
        scenario.write_text("- {at: 3, fault: LIFTED, robot: luna2}")
        with pytest.raises(SystemExit):
            main(words)
        assert "entry 1: robot: 'luna2' is not one of luna1" in capsys.readouterr().err

    def test_names_are_split_and_trimmed(self) -> None:
        assert robot_names("luna1, luna_2") == ("luna1", "luna_2")


class TestPlaces:
    def world(self, files: FloorFiles, names: str, saved: SavedState | None = None) -> dict[str, RobotState]:
        world = build_world(files, robot_names(names), RobotParameters(), 1, saved, 5 * SECOND)
        return dict(world.states())

    def test_a_new_robot_stands_on_the_dock_of_its_number(
        self, library_files: FloorFiles, waypoints: dict[str, Pose]
    ) -> None:
        robots = self.world(library_files, "luna3,other,luna1")
        assert robots["luna3"].pose == waypoints["DOCK-3"]
        assert robots["luna1"].pose == waypoints["DOCK-1"]
        assert robots["other"].pose == waypoints["DOCK-2"]
        assert all(0.85 * 26 <= r.energy <= 26 for r in robots.values())

    def test_a_saved_robot_stands_where_it_was(self, library_files: FloorFiles, waypoints: dict[str, Pose]) -> None:
        was = RobotState(Pose(6.8, 7.2, 1.0), 12.5)
        saved = SavedState("library", 99 * SECOND, {"luna1": was})
        assert self.world(library_files, "luna1,luna2", saved) == {
            "luna1": was,
            "luna2": RobotState(waypoints["DOCK-2"], pytest.approx(24, abs=2.1)),
        }

    def test_time_goes_on_from_what_was_saved(self, library_files: FloorFiles) -> None:
        saved = SavedState("library", 99 * SECOND, {})
        assert build_world(library_files, ("luna1",), RobotParameters(), 1, saved, 5 * SECOND).time_ns == 99 * SECOND

    @pytest.mark.parametrize(
        "saved",
        [
            SavedState("elsewhere", 0, {"luna1": RobotState(Pose(6.8, 7.2, 1.0), 12.5)}),
            SavedState("library", 0, {"luna1": RobotState(Pose(10.9, 5.0, 1.0), 12.5)}),
        ],
    )
    def test_what_does_not_fit_the_floor_is_forgotten(
        self, library_files: FloorFiles, waypoints: dict[str, Pose], saved: SavedState
    ) -> None:
        assert self.world(library_files, "luna1", saved)["luna1"].pose == waypoints["DOCK-1"]

    def test_no_robot_is_put_on_a_dock_that_another_stands_on(
        self, library_files: FloorFiles, waypoints: dict[str, Pose]
    ) -> None:
        saved = SavedState("library", 0, {"luna2": RobotState(waypoints["DOCK-1"], 20)})
        assert self.world(library_files, "luna1,luna2", saved)["luna1"].pose == waypoints["DOCK-2"]

    def test_standing_in_the_way_of_the_last_dock(self, library_files: FloorFiles) -> None:
        saved = SavedState("library", 0, {"r0": RobotState(Pose(0.75, 7.85, 0), 20)})
        with pytest.raises(SetupError, match="no dock is free"):
            self.world(library_files, ",".join(f"r{n}" for n in range(8)), saved)


class TestStore:
    def test_what_is_saved_is_loaded(self, tmp_path: Path) -> None:
        state = SavedState("library", 12, {"luna1": RobotState(Pose(1.5, 2.5, -1.0), 20.25)})
        store = StateStore(tmp_path)
        assert store.load() is None
        store.save(state)
        assert store.load() == state
        assert [p.name for p in tmp_path.iterdir()] == ["simulator.json"]

    @pytest.mark.parametrize(
        "content",
        [
            "", "[]", "{}", '{"format": 2}', '{"format": 1, "robots": {"a": {"x": 1}}}', "\x00", "[" * 99_999,
            '{"format": 1, "map_id": "a", "robots": {}, "time_ns": Infinity}',
            '{"format": 1, "map_id": "a", "robots": {}, "time_ns": 1e30}',
        ],
    )  # fmt: skip
    def test_a_damaged_file_is_told_and_set_aside(self, tmp_path: Path, content: str) -> None:
        store = StateStore(tmp_path)
        store.path.write_text(content)
        with pytest.raises(StateError):
            store.load()
        store.set_aside()
        assert store.load() is None


class TestReadiness:
    def test_it_is_told_to_whoever_asked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(tmp_path / "notify"))
            monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
            notify("READY=1", "STATUS=fine")
            assert listener.recv(100) == b"READY=1\nSTATUS=fine"

    def test_nobody_asked_or_listens(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        notify("READY=1")
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
        notify("READY=1")


class TestEstopTopic:
    def test_silence_locks_from_the_start_and_again_after_half_a_second(self) -> None:
        watch = EstopWatch()
        assert watch.locks(0.0) == {Lock.SILENCE}
        watch = watch.heard(False, 10.0)
        assert watch.locks(10.4) == frozenset()
        assert watch.locks(10.6) == {Lock.SILENCE}

    def test_where_nobody_need_watch_the_first_message_arms_it(self) -> None:
        watch = EstopWatch(optional=True)
        assert watch.locks(10.0) == frozenset()
        watch = watch.heard(False, 10.0)
        assert watch.locks(10.4) == frozenset() and watch.locks(10.6) == {Lock.SILENCE}

    @given(st.lists(st.tuples(st.booleans(), st.floats(0, 2)), min_size=1))
    def test_it_is_open_only_while_false_was_heard_lately(self, heard: list[tuple[bool, float]]) -> None:
        watch, now, last = EstopWatch(), 0.0, True
        for engaged, pause in heard:
            watch, last = watch.heard(engaged, now), engaged
            now += pause
            assert bool(watch.locks(now)) == (last or now - (watch.heard_at or 0.0) > 0.5)
