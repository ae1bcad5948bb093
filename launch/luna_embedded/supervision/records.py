"""Process ids of parts on disk, so that what a killed supervisor left behind is found and ended before the next run.

A process is known by its id and its start time (proc(5), /proc/pid/stat field 22): ids are used again, the pair is not.
Each part is the leader of a session of its own; as long as any of its processes lives, no new process gets that id.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from luna_embedded.state import read_json, write_json

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process as far as we must know it. ``start`` in clock ticks since boot."""

    pid: int
    session: int
    start: int
    zombie: bool


def look(pid: int) -> Process | None:
    """A running process; None if there is none of this id."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return Process(pid, session=int(fields[3]), start=int(fields[19]), zombie=fields[0] == "Z")


def everything() -> Iterable[Process]:
    """Every process on this machine that we can see."""
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (process := look(int(entry.name))):
            yield process


def leftovers(records: Iterable[tuple[int, int]], running: Iterable[Process]) -> list[int]:
    """Ids of the running processes that belong to recorded (pid, start) leaders.

    If the leader's id now belongs to a process that started at another time, its whole session is gone.
    """
    by_pid = {process.pid: process for process in running if not process.zombie}
    sessions = {pid for pid, start in records if pid not in by_pid or by_pid[pid].start == start}
    return sorted(process.pid for process in by_pid.values() if process.session in sessions)


class Records:
    """The file of process ids of a run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[int]] = {}

    def add(self, part: str, pid: int) -> None:
        """Remember a part's process as soon as it runs."""
        if process := look(pid):
            self._known[part] = [pid, process.start]
            write_json(self._path, self._known)

    def end_leftovers(self, patience: float = 5.0) -> list[int]:
        """End what the last run left: asked first, killed after ``patience`` seconds. Returns the ids it found."""
        records = [(int(pid), int(start)) for pid, start in read_json(self._path).values()]
        found = leftovers(records, everything())
        self._signal(found, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while (left := leftovers(records, everything())) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._signal(left, signal.SIGKILL)
        while leftovers(records, everything()) and time.monotonic() < deadline + patience:
            time.sleep(0.05)
        return found

    @staticmethod
    def _signal(pids: Iterable[int], number: signal.Signals) -> None:
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
