"""Parts as real processes under the supervisor: readiness, output, users, ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luna_embedded.exit_codes import Refusal
from luna_embedded.state import StateDir
from luna_embedded.supervision.control import ask
from luna_embedded.supervision.lifecycle import Patience, Rules
from luna_embedded.supervision.part import Part
from luna_embedded.supervision.supervisor import Supervisor
from tests.integration.luna_embedded.conftest import is_gone, until

NOTIFY = """
import os, signal, socket, sys, time
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
"""
SERVES = NOTIFY + "tell('READY=1'); signal.pause()"


def python(name: str, code: str, **settings: object) -> Part:
    environment = {"PATH": os.environ["PATH"]}
    return Part(name, (sys.executable, "-u", "-c", code), environment, **settings)  # type: ignore[arg-type]


class Fleet:
    """A supervisor in a thread of this process."""

    def __init__(self, state: StateDir, parts: list[Part], patience: Patience) -> None:
        self.state = state
        self.supervisor: Supervisor | None = None
        self.begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(parts, patience)))
        self._thread.start()
        assert self.begun.wait(10)

    async def _run(self, parts: list[Part], patience: Patience) -> None:
        self.supervisor = Supervisor(parts, self.state, {}, lambda _: None, patience)
        self.begun.set()
        await self.supervisor.run()

    def part(self, name: str) -> dict[str, object]:
        try:
            rows = ask(self.state.control_socket, "status")["parts"]
        except Refusal:
            return {"state": "silent", "pid": None}
        found: dict[str, object] = next(row for row in rows if row["name"] == name)
        return found

    def wait_for(self, name: str, state: str) -> dict[str, object]:
        until(f"{name} is {state}", lambda: self.part(name)["state"] == state)
        return self.part(name)

    def down(self) -> None:
        if self._thread.is_alive():
            ask(self.state.control_socket, "down")
            self._thread.join(30)
        assert not self._thread.is_alive()


Begin = Callable[..., Fleet]


@pytest.fixture
def supervise(open_folder: Path) -> Iterator[Begin]:
    state = StateDir(open_folder)
    for folder in (state.logs, state.run, state.run / "notify"):
        folder.mkdir()
    fleets: list[Fleet] = []

    def begin(*parts: Part, patience: Patience | None = None) -> Fleet:
        fleets.append(Fleet(state, list(parts), patience or Patience()))
        return fleets[-1]

    yield begin
    for fleet in fleets:
        fleet.down()


def test_a_part_is_running_when_it_says_so_and_not_before(supervise: Begin) -> None:
    code = NOTIFY + "tell('STATUS=loading the map'); signal.sigwait([signal.SIGUSR1]); tell('READY=1'); signal.pause()"
    fleet = supervise(python("sim", "import signal; signal.pthread_sigmask(0, [signal.SIGUSR1])\n" + code))

    until("it says what it does", lambda: fleet.part("sim").get("says") == "loading the map")
    assert fleet.part("sim")["state"] == "starting"
    os.kill(int(str(fleet.part("sim")["pid"])), signal.SIGUSR1)
    fleet.wait_for("sim", "running")


def test_what_a_part_prints_is_in_its_log_up_to_its_last_word(supervise: Begin) -> None:
    fleet = supervise(
        python("once", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"),
        patience=Patience(first_tries=1),
    )

    row = fleet.wait_for("once", "given up")

    assert row["why"] == "exit code 3: err"
    assert fleet.state.log("once").read_text() == "out\nerr\n"


def test_a_one_shot_gets_its_input_and_lets_the_next_part_start(supervise: Begin) -> None:
    fleet = supervise(
        python("migrate", "import sys; print(sys.stdin.read().upper())", rules=Rules(one_shot=True), stdin=b"wishes"),
        python("web", SERVES, rules=Rules(needs=frozenset({"migrate"}))),
    )

    fleet.wait_for("web", "running")
    assert fleet.part("migrate")["state"] == "done"
    assert fleet.state.log("migrate").read_text() == "WISHES\n"


def test_a_preparation_that_is_refused_tells_why(supervise: Begin) -> None:
    def refuse() -> None:
        raise Refusal("the disk is gone")

    fleet = supervise(python("web", SERVES, prepare=refuse), patience=Patience(first_tries=1))

    assert fleet.wait_for("web", "given up")["why"] == "the disk is gone"


def test_children_of_a_part_that_dies_die_with_it(supervise: Begin, open_folder: Path) -> None:
    child = open_folder / "child"
    code = f"import subprocess; p = subprocess.Popen(['sleep', '300']); open({str(child)!r}, 'w').write(str(p.pid))\n"
    fleet = supervise(python("web", code + SERVES))
    pid = int(str(fleet.wait_for("web", "running")["pid"]))
    first_child = int(child.read_text())

    os.kill(pid, signal.SIGKILL)

    until("the child is gone", lambda: is_gone(first_child))


def test_a_part_that_ignores_the_request_to_end_is_killed_after_its_deadline(supervise: Begin) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVES.replace(
        "signal.pause()", "\nwhile True: signal.pause()"
    )
    fleet = supervise(python("stubborn", code, rules=Rules(stop_deadline=0.3)))
    pid = int(str(fleet.wait_for("stubborn", "running")["pid"]))

    fleet.down()

    assert is_gone(pid)
    assert "deadline passed" in fleet.state.log("supervisor").read_text()


def test_restarting_a_part_gives_it_another_process(supervise: Begin) -> None:
    fleet = supervise(python("web", SERVES))
    before = fleet.wait_for("web", "running")["pid"]

    ask(fleet.state.control_socket, "restart", "web")

    def runs_anew() -> bool:
        part = fleet.part("web")
        return part["state"] == "running" and part["pid"] != before

    until("it runs anew", runs_anew)


def test_orders_for_unknown_parts_are_refused(supervise: Begin) -> None:
    fleet = supervise(python("web", SERVES))
    fleet.wait_for("web", "running")

    with pytest.raises(Refusal, match="no part is called 'wep'; there are: web"):
        ask(fleet.state.control_socket, "stop", "wep")
    with pytest.raises(Refusal, match="unknown request"):
        ask(fleet.state.control_socket, "explode", "web")


def test_only_this_user_may_give_orders(supervise: Begin) -> None:
    fleet = supervise(python("web", SERVES))
    fleet.wait_for("web", "running")

    assert fleet.state.control_socket.stat().st_mode & 0o777 == 0o600
