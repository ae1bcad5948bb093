"""What suites leave running when they are cut short: simulators, servers, a whole LUNA in the background.

They become this process's children when they lose their own parent. Whoever adopts has to reap as well: until then a
process that has ended is seen by others as if it were there.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Container
from contextlib import suppress

import psutil

PR_SET_CHILD_SUBREAPER = 36
PATIENCE_S = 20.0
"""For a LUNA in the background to stop its parts in their order."""
KILLED_WITHIN_S = 20.0
REAPS_EVERY_S = 0.1


def adopt() -> None:
    """From now on a process below this one that loses its parent becomes this one's child (prctl(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot adopt what suites leave running")


def reap_until(over: threading.Event, own: Container[int], turn: threading.Lock) -> None:
    """Reap whoever was adopted and has ended. `own`, under `turn`: pids that somebody else here waits for."""
    while not over.wait(REAPS_EVERY_S):
        with turn, suppress(ChildProcessError):  # no children at all
            while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                if ended.si_pid in own:
                    break
                os.waitpid(ended.si_pid, 0)


def end(say: Callable[[str], None], patience_s: float = PATIENCE_S) -> int:
    """Ask every child that still runs to end, then kill what is left below this process; how many were asked."""
    me = psutil.Process()
    asked = [child for child in me.children() if _runs(child)]
    for child in asked:
        say(_command(child))
    try:
        for child in asked:
            _quietly(child.terminate)
        psutil.wait_procs(asked, patience_s)
    finally:  # also when whoever waits for this has had enough
        while left := [process for process in me.children(recursive=True) if _runs(process)]:
            for process in left:
                _quietly(process.kill)
            if len(psutil.wait_procs(left, KILLED_WITHIN_S)[1]) == len(left):
                break  # in the kernel's hands: a disk that does not answer
    return len(asked)


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
