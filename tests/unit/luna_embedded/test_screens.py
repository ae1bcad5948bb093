"""What people are told while parts start, die and come back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from luna_embedded.exit_codes import Refusal
from luna_embedded.parts.run import Options
from luna_embedded.state import StateDir
from luna_embedded.up import Afterwards, Starting


def row(name: str, state: str, restarts: int = 0, why: str = "") -> dict[str, Any]:
    return {"name": name, "state": state, "restarts": restarts, "why": why, "says": "", "pid": 1, "seconds": 1.0}


def snapshot(state: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"state": state, "parts": list(rows), "address": "http://127.0.0.1:8000"}


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(out: io.StringIO) -> Console:
    return Console(file=out, width=100)


@pytest.fixture
def starting(console: Console, tmp_path: Path) -> Starting:
    (tmp_path / "logs").mkdir()
    return Starting(console, StateDir(tmp_path), Options(), attached=True, option="")


def test_each_part_is_told_once_and_the_logins_when_all_serve(starting: Starting, out: io.StringIO) -> None:
    starting(snapshot("starting", row("web", "starting")))
    starting(snapshot("running", row("web", "running")))
    starting(snapshot("running", row("web", "running")))

    assert starting.is_up
    assert out.getvalue().count("✓ web") == 1
    assert out.getvalue().count("LUNA is running") == 1
    assert "student@luna.example" in out.getvalue()


def test_a_part_that_does_not_start_fails_the_start_with_its_last_words(starting: Starting, tmp_path: Path) -> None:
    (tmp_path / "logs/web.log").write_text("ImportError: no module named luna\n")

    with pytest.raises(Refusal, match=r"(?s)web does not start \(exit code 1\).*ImportError: no module named luna"):
        starting(snapshot("degraded", row("web", "given up", why="exit code 1")))


def test_a_death_and_the_return_are_told(console: Console, out: io.StringIO) -> None:
    later = Afterwards(console)
    later(snapshot("running", row("web", "running")))
    later(snapshot("starting", row("web", "starting", restarts=1, why="killed by SIGKILL")))
    later(snapshot("running", row("web", "running", restarts=1)))

    told = [line[9:] for line in out.getvalue().splitlines()]
    assert told == ["web died (killed by SIGKILL); it is started again", "web runs again"]


def test_stopping_is_told_once(console: Console, out: io.StringIO) -> None:
    later = Afterwards(console)
    later(snapshot("stopping", row("web", "stopping")))
    later(snapshot("stopping", row("web", "stopped")))

    assert out.getvalue().splitlines() == ["Stopping …"]
