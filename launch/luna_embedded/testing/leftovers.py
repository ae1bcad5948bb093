"""What suites leave running when they are cut short: simulators, servers, a whole LUNA in the background."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress

import psutil

PR_SET_CHILD_SUBREAPER = 36
PATIENCE_S = 20.0
"""For a LUNA in the background to stop its parts in their order."""


def adopt() -> None:
    """From now on a process below this one that loses its parent becomes this one's child (prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end(patience_s: float = PATIENCE_S) -> list[str]:
    """Ask every child that still runs to end, then kill what is left below this process. Commands of those asked."""
    me = psutil.Process()
    asked = [child for child in me.children() if _runs(child)]
    told = [_command(child) for child in asked]
    for child in asked:
        _quietly(child.terminate)
    psutil.wait_procs(asked, patience_s)
    left = [process for process in me.children(recursive=True) if _runs(process)]
    for process in left:
        _quietly(process.kill)
    psutil.wait_procs(left, patience_s)
    return told


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return str(process.pid)


def _quietly(end: Callable[[], None]) -> None:
    with suppress(psutil.Error):  # it has ended meanwhile
        end()
