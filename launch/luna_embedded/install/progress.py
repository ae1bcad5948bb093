"""Progress of several jobs at once: one live line on a terminal, else a sign of life now and then."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

LIVE_PERIOD_S = 0.2
QUIET_PERIOD_S = 10.0


def live_line(jobs: dict[str, str], elapsed: float, width: int) -> str:
    """All jobs on one line of at most ``width`` characters."""
    text = f"[{elapsed:4.0f} s] " + " · ".join(f"{name}: {what}" for name, what in jobs.items())
    return text[: width - 1]


class Progress:
    """Shows what each job is at. Jobs say so from their own threads."""

    def __init__(self, out: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._began = clock()
        self._jobs: dict[str, str] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._live = out.isatty()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def set(self, job: str, what: str) -> None:
        """``job`` is now at ``what``; "" means that it is over."""
        with self._lock:
            if what:
                self._jobs[job] = what
            else:
                self._jobs.pop(job, None)

    def say(self, text: str) -> None:
        """A line of its own, kept on the screen."""
        with self._lock:
            self._out.write(f"\r\033[K{text}\n" if self._live else f"{text}\n")
            self._out.flush()

    def _show(self) -> None:
        last = self._began
        while not self._over.wait(LIVE_PERIOD_S):
            now = self._clock()
            if self._live:
                self._write_live(now)
            elif now - last >= QUIET_PERIOD_S and self._jobs:
                last = now
                with self._lock:
                    line = live_line(self._jobs, now - self._began, 1000)
                self.say(line)
        if self._live:
            self._out.write("\r\033[K")
            self._out.flush()

    def _write_live(self, now: float) -> None:
        width = shutil.get_terminal_size().columns
        with self._lock:
            self._out.write("\r\033[K" + live_line(self._jobs, now - self._began, width))
            self._out.flush()
