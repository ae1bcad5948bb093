"""Runs a bare FastAPI as the web tier is run, while a block lasts."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException

from luna_web.bench.client import CallFailed, Client

START_DEADLINE_S = 30.0


@contextlib.contextmanager
def bare_server(factory: str) -> Iterator[tuple[str, int]]:
    """Its address and process id. `factory` makes the app, as uvicorn names it; the settings come from our own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--host", "127.0.0.1"]
    options = ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen([*command, *options], env=os.environ)  # noqa: S603 - our own interpreter
    try:
        _wait(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_DEADLINE_S
    while process.poll() is None and time.monotonic() < end:
        try:
            Client(address).get("/openapi.json")
        except (OSError, HTTPException):
            time.sleep(0.05)
        else:
            return
    raise CallFailed(f"the bare server does not answer at {address}")
