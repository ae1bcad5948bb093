"""The processes that are measured: web instances as the embedded run starts them, and a bare one beside them."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

START_DEADLINE_S = 90.0
LIVE = ("--ws", "luna_web.shared.websocket:WebSocketProtocol", "--ws-per-message-deflate", "false",
        "--ws-ping-interval", "0", "--ws-max-size", "65536")  # fmt: skip


@dataclass
class Instance:
    port: int
    process: psutil.Process
    _cpu: float = 0.0
    _at: float = 0.0

    def begin(self) -> None:
        self._cpu, self._at = self._seconds(), time.monotonic()

    def cores(self) -> float:
        """How many cores it used since `begin`."""
        return (self._seconds() - self._cpu) / (time.monotonic() - self._at)

    def megabytes(self) -> float:
        return float(self.process.memory_info().rss) / 1e6

    def _seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def instances(count: int, tick: float) -> Iterator[list[Instance]]:
    """So many web instances with this tick, on loopback; whoever measures is not held to a user's limits."""
    variables = {
        **os.environ,
        "LUNA_LIVE_TICK_SECONDS": str(tick),
        "LUNA_LIVE_SOCKETS_PER_USER": "10000",
        "LUNA_LOG_FORMAT": "json",
    }
    with contextlib.ExitStack() as stack:
        started = []
        for _ in range(count):
            port = free_port()
            command = [sys.executable, "-m", "uvicorn", "luna_web.main:app", "--host", "127.0.0.1",
                       "--port", str(port), "--no-access-log", "--log-level", "warning",
                       "--timeout-graceful-shutdown", "1", *LIVE]  # fmt: skip
            started.append(stack.enter_context(_running(command, port, variables)))
        yield started


@contextmanager
def bare(size: int, per_second: float) -> Iterator[Instance]:
    """A server that sends everybody a ready frame of so many bytes, so often: what is possible."""
    port = free_port()
    command = [sys.executable, "-m", "luna_web.bench.live.bare", str(port), str(size), str(per_second)]
    with _running(command, port, dict(os.environ)) as instance:
        yield instance


@contextmanager
def _running(command: Sequence[str], port: int, variables: dict[str, str]) -> Iterator[Instance]:
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    try:
        _until_it_answers(process, port)
        yield Instance(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _until_it_answers(process: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=1).close()
            return
        time.sleep(0.1)
    raise SystemExit(f"{process.args!r} does not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
