"""One start of one part: its process, its log, its readiness. What happens is told to the supervisor by calls."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from luna_embedded.exit_codes import Refusal
from luna_embedded.supervision.logs import BoundedLog
from luna_embedded.supervision.notify import NotifySocket
from luna_embedded.supervision.part import Part

SHIM = Path(__file__).with_name("exec_shim.py")
PROBE_PERIOD_S = 0.05
LAST_OUTPUT_S = 1.0


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
        self._process: asyncio.subprocess.Process | None = None
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
            process = await self._spawn()
        except (OSError, Refusal, ValueError) as error:
            self._log.write(f"{error}\n".encode())
            return self._reports.exited(None, str(error))
        code = await self._attend(process)
        return self._reports.exited(code, self._epitaph(code))

    async def _spawn(self) -> asyncio.subprocess.Process:
        part = self._part
        account = f"{part.account.uid}:{part.account.gid}" if part.account else "-"
        shim = (sys.executable, "-I", "-S", str(SHIM), str(part.death_signal.value), str(os.getpid()), account, "--")
        self._process = await asyncio.create_subprocess_exec(
            *shim,
            *part.command,
            env={**part.environment, "NOTIFY_SOCKET": str(self._notify)},
            cwd=part.folder,
            stdin=asyncio.subprocess.PIPE if part.stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._reports.started(self._process.pid)
        return self._process

    async def _attend(self, process: asyncio.subprocess.Process) -> int:
        notify = NotifySocket(self._notify, self._heard)
        pump = asyncio.create_task(self._pump(process))
        probe = asyncio.create_task(self._probe())
        try:
            if process.stdin:
                await self._feed(process.stdin)
            code = await process.wait()
        finally:
            probe.cancel()
            notify.close()
            self._end_children(process.pid)
        await asyncio.wait({pump}, timeout=LAST_OUTPUT_S)
        pump.cancel()
        return code

    async def _feed(self, stdin: asyncio.StreamWriter) -> None:
        try:
            stdin.write(self._part.stdin)
            await stdin.drain()
        except ConnectionError:
            pass  # it ended without reading; its exit code tells
        stdin.close()

    async def _pump(self, process: asyncio.subprocess.Process) -> None:
        if not process.stdout:
            return
        while data := await process.stdout.read(65536):
            self._log.write(data)

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
