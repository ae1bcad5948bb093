"""`luna up`, attached or in the background, as its terminal sees it; and `luna down`."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any

from rich.console import Console

from luna_embedded.credentials import load
from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.layout import Checkout
from luna_embedded.parts.run import Options
from luna_embedded.planning import Place
from luna_embedded.screen import StartScreen, greet
from luna_embedded.state import Lock, StateDir, begin
from luna_embedded.supervision.control import ask
from luna_embedded.supervision.logs import last_lines

POLL_S = 0.1
STOP_DEADLINE_S = 60.0


class Starting:
    """Follows a start until everything serves; then greets, once. A part that gives up before that fails the start."""

    def __init__(self, console: Console, state: StateDir, options: Options, *, attached: bool, option: str) -> None:
        self._console, self._state, self._options = console, state, options
        self._attached, self._option = attached, option
        self._began = time.monotonic()
        self._screen: StartScreen | None = StartScreen(console).__enter__()
        self.is_up = False

    def __call__(self, snapshot: dict[str, Any]) -> None:
        """See a change. Raises Refusal if the start has failed."""
        if self._screen and snapshot["state"] != "stopping":
            self._screen.update(snapshot)
        if self.is_up or snapshot["state"] == "stopping":
            return
        if failed := [row for row in snapshot["parts"] if row["state"] == "given up"]:
            self.close()
            raise _failed_start(self._state, failed[0])
        if snapshot["state"] == "running":
            self._greet(snapshot["address"])

    def close(self) -> None:
        """Leave the terminal tidy."""
        if self._screen:
            self._screen.__exit__(None, None, None)
            self._screen = None

    def _greet(self, address: str) -> None:
        self.is_up = True
        self.close()
        logins = load(self._state, self._options.robot_names).logins()
        elapsed = time.monotonic() - self._began
        greet(
            self._console, address, logins, str(self._state.path), elapsed, attached=self._attached, option=self._option
        )


def _failed_start(state: StateDir, row: dict[str, Any]) -> Refusal:
    words = "\n".join(f"    {line}" for line in last_lines(state.log(row["name"]), 12))
    what = f"The part {row['name']} does not start ({row['why']}). Its last words:\n{words}"
    return Refusal(what, f"All of it: {state.log(row['name'])}. ./luna doctor looks for causes.")


def up_attached(checkout: Checkout, where: Place, options: Options, console: Console, option: str) -> int:
    """Run in the foreground until Ctrl-C."""
    from luna_embedded.running import supervise  # the supervisor; in the background another process loads it

    starting = Starting(console, where.state, options, attached=True, option=option)
    later = Afterwards(console)

    def watch(snapshot: dict[str, Any]) -> None:
        was_up = starting.is_up
        starting(snapshot)
        if was_up:
            later(snapshot)

    with contextlib.closing(starting):
        supervise(checkout, where, options, watch)
    console.print("LUNA has stopped.")
    return Exit.OK if starting.is_up else Exit.INTERRUPTED


class Afterwards:
    """Tells of parts that die and come back while the terminal is attached."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._restarts: dict[str, int] = {}
        self._troubled: set[str] = set()
        self._stopping = False

    def __call__(self, snapshot: dict[str, Any]) -> None:
        """See a change."""
        if snapshot["state"] == "stopping":
            if not self._stopping:
                self._console.print("Stopping …")
            self._stopping = True
            return
        for row in snapshot["parts"]:
            self._see(row)

    def _see(self, row: dict[str, Any]) -> None:
        name, state = row["name"], row["state"]
        if row["restarts"] > self._restarts.get(name, 0):
            self._tell(f"{name} died ({row['why']}); it is started again")
            self._troubled.add(name)
        self._restarts[name] = row["restarts"]
        if state in ("running", "given up") and name in self._troubled:
            self._troubled.discard(name)
            self._tell(f"{name} runs again" if state == "running" else f"{name} died too often and is given up")

    def _tell(self, text: str) -> None:
        self._console.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, soft_wrap=True)


def up_detached(checkout: Checkout, where: Place, options: Options, console: Console, option: str) -> int:
    """Start a supervisor in the background, return when everything serves. What it refuses is refused here."""
    words = json.dumps({"state": str(where.state.path), "named": where.named, "options": asdict(options)})
    begin(where.state)
    process = subprocess.Popen(
        [sys.executable, "-m", "luna_embedded.daemon", words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd=checkout.root,
    )
    starting = Starting(console, where.state, options, attached=False, option=option)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with contextlib.closing(starting):
        try:
            return _until_up(where.state, process, starting)
        except KeyboardInterrupt:
            _call_off(process)
            raise


def _until_up(state: StateDir, process: subprocess.Popen[bytes], starting: Starting) -> int:
    while not starting.is_up:
        try:
            code = process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            _poll(state, process.pid, starting)
        else:
            starting.close()
            sys.stderr.write(process.stderr.read().decode() if process.stderr else "")
            return code or Exit.FAILED
    return Exit.OK


def _call_off(supervisor: subprocess.Popen[bytes]) -> None:
    """Who interrupts a start does not want it: the supervisor stops in order what has started already."""
    supervisor.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        supervisor.wait(STOP_DEADLINE_S)


def _poll(state: StateDir, supervisor: int, starting: Starting) -> None:
    try:
        snapshot = ask(state.control_socket, "status")
        if snapshot["supervisor_pid"] == supervisor:
            starting(snapshot)
    except Refusal as refusal:
        if refusal.code == Exit.NOT_RUNNING:
            return  # not yet, or not any more: its exit code tells
        ask(state.control_socket, "down")
        raise


def down(state: StateDir, deadline: float = STOP_DEADLINE_S) -> None:
    """Stop a running LUNA and wait until it has. Raises Refusal."""
    ask(state.control_socket, "down")
    lock, end = Lock(state), time.monotonic() + deadline
    while lock.is_held():
        if time.monotonic() > end:
            raise Refusal(f"LUNA has not stopped within {deadline:.0f} s.", f"See {state.log('supervisor')}.")
        time.sleep(POLL_S)
