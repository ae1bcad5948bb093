"""Runs the programs that make environments: their output goes to the log, line by line, and can be stopped at once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from luna_embedded.exit_codes import Refusal

LAST_LINES = 12


class Runner:
    """Runs commands from several threads and ends them all if one fails or the person gives up."""

    def __init__(self, log: Path) -> None:
        self._log_path = log
        self._log = log.open("a", errors="replace")
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(
        self,
        what: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        each_line: Callable[[str], None] = lambda line: None,
        cwd: Path | None = None,
    ) -> None:
        """Run a command to its end. Raises Refusal with its last lines if it fails."""
        process = self._start(command, environment, cwd)
        last: deque[str] = deque(maxlen=LAST_LINES)
        try:
            for line in process.stdout or ():
                self._write(line)
                last.append(line.rstrip())
                each_line(line)
            code = process.wait()
        finally:
            with self._lock:
                self._running.discard(process)
        if code != 0:
            self.stop()
            said = "\n".join(f"    {line}" for line in last)
            raise Refusal(
                f"{what} failed (exit code {code}):\n{said}",
                f"All of it is in {self._log_path}. Run the command again to retry.",
            )

    def stop(self) -> None:
        """End every command that still runs; nothing new starts."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)

    def _start(
        self, command: Sequence[str | Path], environment: Mapping[str, str] | None, cwd: Path | None
    ) -> subprocess.Popen[str]:
        with self._lock:
            if self._stopped:
                raise Refusal("stopped")
            self._log.write("$ " + " ".join(map(str, command)) + "\n")
            process = subprocess.Popen(
                [str(word) for word in command],
                env={**os.environ, **(environment or {})},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def _write(self, line: str) -> None:
        with self._lock:
            self._log.write(line)
            self._log.flush()
