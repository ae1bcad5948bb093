"""The journal on the disk."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from luna_robot.delivery import journal as journal_module
from luna_robot.delivery.events import Answer, Step, WaypointsSet
from luna_robot.delivery.journal import Journal, JournalError, open_journal
from luna_robot.delivery.model import Entry, ExecutorState, Phase
from luna_robot.geometry import Pose
from luna_robot.reset_epoch import main
from luna_robot.waypoints import Waypoint, WaypointTable
from tests.unit.luna_robot.bench import Bench, bench_at, student_delivery


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "robot" / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = open_journal(path, lambda: "journal-1")
    yield opened
    opened.close()


def write_all(journal: Journal, bench: Bench) -> None:
    for step in bench.steps:
        if step.durable:
            journal.write(step)


def reopened(path: Path) -> Journal:
    """As another process finds it after this one was killed."""
    copy = path.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in path.parent.glob("journal.sqlite3*"):
        shutil.copy(file, copy)
    return open_journal(copy / path.name, lambda: "journal-2")


def test_a_new_journal_knows_nothing(journal):
    assert (journal.journal_id, journal.state) == ("journal-1", ExecutorState())
    assert journal.entries(0, 100) == []


@pytest.mark.parametrize("phase", [Phase.TO_PICKUP, Phase.AWAITING_LOAD, Phase.TO_FALLBACK])
def test_it_replays_to_the_state_the_node_was_in(journal, path, phase):
    bench = bench_at(phase)
    write_all(journal, bench)
    again = reopened(path)
    assert again.state == bench.state
    assert again.journal_id == "journal-1"


def test_entries_are_numbered_without_gaps_and_come_back_as_they_were(journal):
    bench = bench_at(Phase.AWAITING_UNLOAD)
    write_all(journal, bench)
    written = [entry for step in bench.steps for entry in step.entries]
    assert journal.entries(0, 100) == written
    assert [entry.seq for entry in written] == list(range(1, len(written) + 1))
    assert journal.entries(3, 2) == written[3:5]
    assert journal.entries(2**64 - 1, 2) == []


def test_results_and_tombstones_are_found_after_a_restart(journal, path):
    bench = bench_at(Phase.AWAITING_UNLOAD)
    bench.unload()
    bench.cancel("never-came", attempt=3)
    write_all(journal, bench)
    again = reopened(path)
    assert again.finished("d1", 1) == bench.finished("d1", 1)
    assert again.finished("never-came") == bench.finished("never-came", 3)
    assert again.finished("d1", 2) is None
    assert again.finished("unknown") is None


def test_the_latest_attempt_is_found(journal):
    bench = Bench()
    for attempt in (1, 3, 2):
        bench.cancel("d", attempt=attempt)
    write_all(journal, bench)
    latest = journal.finished("d")
    assert latest is not None and latest.attempt == 3


def test_waypoints_survive(journal, path):
    bench = Bench()
    table = WaypointTable("library", 4, (Waypoint("DESK-1", "Desk", Pose(1.0, 2.0, 0.5), "DESK"),))
    bench.do(WaypointsSet(1, table))
    write_all(journal, bench)
    assert reopened(path).waypoints == table


def test_what_is_left_of_a_timer_survives(journal, path):
    bench = bench_at(Phase.AWAITING_LOAD)
    write_all(journal, bench)
    bench.pass_time(123.0)
    journal.save_timers(bench.state)
    active = reopened(path).state.active
    assert active is not None and active.timer == 477.0


def test_a_write_that_fails_writes_nothing(journal, path):
    bench = bench_at(Phase.AWAITING_LOAD)
    write_all(journal, bench)
    twice = Entry(bench.state.seq, 1, "", "TWICE", None, {})
    with pytest.raises(JournalError):
        journal.write(Step(replace(bench.state, epoch=99), Answer(), (twice,), durable=True))
    assert reopened(path).state == bench.state
    bench.load()
    journal.write(bench.steps[-1])
    assert reopened(path).state == bench.state


def damage(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE state SET body = replace(body, 'd7', 'd2')",
        "UPDATE state SET body = '{}', digest = 'x'",
        "DELETE FROM state",
        "UPDATE entries SET detail = '{}' WHERE seq = 3",
        "DELETE FROM entries WHERE seq = 3",
        "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)",
        "UPDATE finished SET body = '{\"goal\": 3}'",
        "UPDATE meta SET schema_version = 99",
        "DELETE FROM meta",
        "DROP TABLE meta",
    ],
)
def test_a_journal_that_was_tampered_with_is_refused(journal, path, statement):
    bench = bench_at(Phase.AWAITING_UNLOAD)
    bench.unload()
    bench.offer(student_delivery("d7"))
    write_all(journal, bench)
    damage(path, statement)
    with pytest.raises(JournalError):
        reopened(path)


def test_a_file_that_is_no_journal_is_refused(tmp_path):
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"not a database, but long enough to be looked at as one" * 100)
    with pytest.raises(JournalError):
        reopened(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError):
        open_journal(tmp_path / "file" / "journal.sqlite3", lambda: "journal-2")


def test_old_entries_are_let_go_at_a_start(journal, path, monkeypatch):
    bench = bench_at(Phase.AWAITING_UNLOAD)
    write_all(journal, bench)
    monkeypatch.setattr(journal_module, "KEPT_ENTRIES", 3)
    journal.close()
    open_journal(path, lambda: "journal-2").close()
    kept = [entry.seq for entry in reopened(path).entries(0, 100)]
    assert kept == [bench.state.seq - 2, bench.state.seq - 1, bench.state.seq]


def test_old_entries_and_records_are_let_go_while_it_runs(journal, path, monkeypatch):
    for name, value in (("KEPT_ENTRIES", 10), ("KEPT_FINISHED", 4), ("PRUNED_EVERY", 5)):
        monkeypatch.setattr(journal_module, name, value)
    bench = Bench()
    for number in range(30):
        bench.cancel(f"gone{number}")
    write_all(journal, bench)
    seqs = [entry.seq for entry in journal.entries(0, 100)]
    assert 10 <= len(seqs) < 10 + 5 and seqs[-1] == bench.state.seq
    assert journal.finished("gone29") is not None and journal.finished("gone10") is None
    assert reopened(path).state.seq == bench.state.seq


@pytest.mark.parametrize("lost", ["journal.sqlite3", "journal.sqlite3-wal"])
def test_a_journal_that_is_taken_away_while_it_runs_takes_nothing_more(journal, path, tmp_path, lost):
    bench = bench_at(Phase.AWAITING_LOAD)
    write_all(journal, bench)
    journal.check()
    moved = (path.parent / lost).rename(tmp_path / lost)
    for ask in (journal.check, lambda: journal.write(bench.steps[-1]), lambda: journal.save_timers(bench.state)):
        with pytest.raises(JournalError, match=lost):
            ask()
    moved.rename(path.parent / lost)
    journal.check()
    assert reopened(path).state == bench.state
    shutil.copy(path, tmp_path)
    path.unlink()
    shutil.copy(tmp_path / path.name, path)
    with pytest.raises(JournalError, match="replaced"):
        journal.check()


def test_a_robot_that_had_a_journal_does_not_begin_a_new_one_by_itself(journal, path):
    """Nobody would know any more what is on board; a person moves `journal.*` away once they have looked."""
    journal.close()
    others = path.read_bytes()
    path.unlink()
    for left in (None, b"", others.replace(b"journal-1", b"journal-9")):
        if left is not None:
            path.write_bytes(left)
        with pytest.raises(JournalError, match="journal-1"):
            open_journal(path, lambda: "journal-2")
    for file in path.parent.glob("journal.*"):
        file.unlink()
    open_journal(path, lambda: "journal-2").close()
    again = open_journal(path, lambda: "journal-3")
    assert again.journal_id == "journal-2"
    again.close()


def test_a_start_that_was_interrupted_leaves_no_trouble(path):
    path.parent.mkdir()
    path.touch()
    path.with_suffix(".id").touch()
    open_journal(path, lambda: "journal-1").close()
    assert path.with_suffix(".id").read_text() == "journal-1"


def test_reading_from_a_closed_journal_is_an_error_of_the_journal(journal):
    journal.close()
    with pytest.raises(JournalError):
        journal.entries(0, 1)
    with pytest.raises(JournalError):
        journal.finished("d1")


def test_two_processes_do_not_share_a_journal(journal, path):
    with pytest.raises(JournalError, match="in use"):
        open_journal(path, lambda: "journal-2")
    journal.close()
    open_journal(path, lambda: "journal-2").close()


class TestResetEpoch:
    def test_the_next_controller_is_heard_whatever_its_epoch(self, path, capsys):
        journal = open_journal(path, lambda: "journal-1")
        bench = Bench()
        bench.cancel("d", epoch=900)
        write_all(journal, bench)
        journal.close()
        assert main(["--state-dir", str(path.parent)]) == 0
        assert "900" in capsys.readouterr().out
        again = open_journal(path, lambda: "journal-2")
        assert (again.state.epoch, again.entries(0, 9)[-1].event) == (0, "EPOCH_RESET")
        again.close()

    def test_not_while_the_nodes_run(self, journal, path, capsys):
        assert main(["--state-dir", str(path.parent)]) == 1
        assert "in use" in capsys.readouterr().err

    def test_not_where_there_is_no_journal(self, tmp_path, capsys):
        assert main(["--state-dir", str(tmp_path)]) == 1
        assert "no journal" in capsys.readouterr().err
