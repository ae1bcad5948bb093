"""One start of one part: its process, its log, its readiness. What happens is told to the supervisor by calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from luna_embedded.supervision.logs import BoundedLog
from luna_embedded.supervision.notify import NotifySocket
from luna_embedded.supervision.part import Part
from luna_embedded.supervision.watching import OutputPipe, exit_code

SHIM = Path(__file__).with_name("exec_shim.py")
PROBE_PERIOD_S = 0.05
LAST_OUTPUT_S = 0.3


@contextlib.contextmanager
def _input(data: bytes) -> Iterator[int]:
    """A file descriptor from which a process reads ``data``; it fits into a pipe's buffer (pipe(7): 64 KiB)."""
    if not data:
        yield subprocess.DEVNULL
        return
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        if os.write(writing, data) < len(data):
            raise ValueError("more input than a pipe holds")
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


@dataclass(frozen=True)
class Reports:
    """Where a process reports to. ``exited(code, why)``: ``code`` is None if it could not be started."""

    started: Callable[[int], None]
    ready: Callable[[], None]
    status: Callable[[str], None]
    exited: Callable[[int | None, str], None]


class PartProcess:
    """Runs a part once, from preparation to the end of its last child."""

    def __init__(self, part: Part, log: BoundedLog, notify: Path, reports: Reports) -> None:
        self._part, self._log, self._notify, self._reports = part, log, notify, reports
        self._process: subprocess.Popen[bytes] | None = None
        self._unwanted = False
        self._task = asyncio.get_running_loop().create_task(self._live())

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(self._part.stop_signal, group=False)

    def kill(self) -> None:
        """End it and its children."""
        self._signal(signal.SIGKILL, group=True)

    def _signal(self, number: signal.Signals, *, group: bool) -> None:
        self._unwanted = True
        if pid := self.pid:
            try:
                (os.killpg if group else os.kill)(pid, number)
            except ProcessLookupError:
                return

    async def _live(self) -> None:
        self._log.forget()
        try:
            await asyncio.to_thread(self._part.prepare)
            if self._unwanted:
                return self._reports.exited(None, "stopped before it started")
            code = await self._attend()
        except Exception as error:  # noqa: BLE001 - whatever it was, the supervisor must hear that nothing runs
            self._log.write(f"{error}\n".encode())
            return self._reports.exited(None, str(error))
        return self._reports.exited(code, self._epitaph(code))

    def _spawn(self, output: int) -> subprocess.Popen[bytes]:
        part = self._part
        account = f"{part.account.uid}:{part.account.gid}" if part.account else "-"
        shim = (sys.executable, "-I", "-S", str(SHIM), str(part.death_signal.value), str(os.getpid()), account, "--")
        with _input(part.stdin) as stdin:
            self._process = subprocess.Popen(
                [*shim, *part.command],
                env={**part.environment, "NOTIFY_SOCKET": str(self._notify)},
                cwd=part.folder,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._reports.started(self._process.pid)
        return self._process

    async def _attend(self) -> int:
        """From the first to the last sign of life; returns the exit code."""
        notify = NotifySocket(self._notify, self._heard)
        reading, writing = os.pipe()
        output = OutputPipe(reading, self._log)
        probe = asyncio.create_task(self._probe())
        try:
            try:
                process = self._spawn(writing)
            finally:
                os.close(writing)
            code = await exit_code(process)
            self._end_children(process.pid)
            await output.drained(LAST_OUTPUT_S)
            return code
        finally:
            probe.cancel()
            output.close()
            notify.close()

    async def _probe(self) -> None:
        if not self._part.probe:
            return
        while not await asyncio.to_thread(self._part.probe):
            await asyncio.sleep(PROBE_PERIOD_S)
        self._reports.ready()

    def _heard(self, message: dict[str, str]) -> None:
        if status := message.get("STATUS"):
            self._reports.status(status)
        if message.get("READY") == "1" and not self._part.probe:
            self._reports.ready()

    @staticmethod
    def _end_children(pid: int) -> None:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def _epitaph(self, code: int) -> str:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"{how}: {self._log.last_line}" if self._log.last_line else how
