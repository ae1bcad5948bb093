"""Small decisions around processes: whose a process is, what a notify message says, what a log keeps."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from luna_embedded.supervision.logs import BoundedLog, last_lines
from luna_embedded.supervision.notify import parse
from luna_embedded.supervision.records import Process, leftovers


def process(pid: int, session: int, start: int = 100, *, zombie: bool = False) -> Process:
    return Process(pid, session, start, zombie)


class TestLeftovers:
    def test_a_recorded_process_with_its_start_time_and_its_children_are_ours(self) -> None:
        running = [process(10, 10), process(11, 10, 120), process(12, 12)]

        assert leftovers([(10, 100)], running) == [10, 11]

    def test_children_of_a_leader_that_is_gone_are_ours(self) -> None:
        assert leftovers([(10, 100)], [process(11, 10)]) == [11]

    def test_a_stranger_with_a_used_id_is_left_alone_with_its_children(self) -> None:
        assert leftovers([(10, 100)], [process(10, 10, start=999), process(11, 10)]) == []

    def test_the_dead_are_left_in_peace(self) -> None:
        assert leftovers([(10, 100)], [process(10, 10, zombie=True)]) == []


class TestNotifyMessage:
    def test_ready_and_status_in_one_datagram(self) -> None:
        assert parse(b"READY=1\nSTATUS=loading = slow\n") == {"READY": "1", "STATUS": "loading = slow"}

    @given(st.binary(max_size=200))
    def test_no_datagram_breaks_it(self, message: bytes) -> None:
        parse(message)


class TestBoundedLog:
    def test_its_files_together_stay_bounded_and_the_newest_lines_are_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "part.log"
        log = BoundedLog(path, limit=100, kept=2)
        for number in range(200):
            log.write(f"line {number}\n".encode())
        log.close()

        sizes = [file.stat().st_size for file in tmp_path.iterdir()]
        assert len(sizes) == 3
        assert max(sizes) <= 110
        assert last_lines(path, 3) == ["line 197", "line 198", "line 199"]

    def test_the_end_of_a_log_reaches_into_the_file_before(self, tmp_path: Path) -> None:
        (tmp_path / "part.log.1").write_text("one\ntwo\n")
        (tmp_path / "part.log").write_text("three\n")

        assert last_lines(tmp_path / "part.log", 2) == ["two", "three"]

    def test_the_last_words_of_a_new_process_are_its_own(self, tmp_path: Path) -> None:
        log = BoundedLog(tmp_path / "part.log")
        log.write(b"old failure\n")
        log.forget()
        assert log.last_line == ""
        log.write(b"Traceback\nValueError: no\n\n")

        assert log.last_line == "ValueError: no"
