"""Runs checks and suites, shows how far they are, and adds up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.install.node import node_variables, npm
from luna_embedded.install.ros_variables import run_variables
from luna_embedded.layout import Checkout, python_of
from luna_embedded.parts.variables import inherited
from luna_embedded.testing import leftovers
from luna_embedded.testing.outcome import Outcome, of_check, of_pytest
from luna_embedded.testing.selection import Selection, select

LANES = 2
SIGN_OF_LIFE_S = 15.0
DEADLINE_S = 1500.0
DEADLINE_OF_CHOSEN_S = 4 * 3600.0
"""For what a person chose: options of suites make their tests as long as one likes (`--kills=200`)."""
TIDY_UP_S = 30.0


@dataclass(frozen=True)
class Step:
    """One program to run. ``count`` makes an outcome of its exit code."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    count: Callable[[int], Outcome]
    gentle: bool = True


def run(checkout: Checkout, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run what is selected; prints what failed and, alone on the last line, the sum. Returns an exit code."""
    try:
        chosen = select(arguments, checkout.root)
    except ValueError as error:
        raise Refusal(f"Nothing to test: {error}.", "./luna test [PATH…] [options of pytest]", Exit.USAGE) from error
    folder = checkout.made / "test"
    folder.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    steps = [] if arguments else checks(checkout, environment)
    steps += [suite_step(checkout, selection, environment, folder) for selection in chosen]
    deadline = DEADLINE_OF_CHOSEN_S if arguments else DEADLINE_S
    leftovers.adopt()
    try:
        total = sum(_Lanes(checkout, folder, deadline).run(steps), Outcome())
    finally:
        leftovers.end(lambda command: print(f"ending what a suite has left running: {command[:200]}", flush=True))
    print(f"\n{total}", flush=True)
    return Exit.OK if total.failed == 0 and total.passed > 0 else Exit.FAILED


def checks(checkout: Checkout, environment: Mapping[str, str]) -> list[Step]:
    """Style, types, and which package may import which; and the TypeScript client, which npm builds and tests."""
    python = str(python_of(checkout.web_env))
    variables = web_variables(checkout, environment)
    cache = checkout.made / "test"
    mypy = (python, "-m", "mypy", "--config-file", "pyproject.toml")
    ros_python = f"--python-executable={python_of(checkout.ros_env)}"
    launch_targets = ("launch/luna_embedded", "launch/luna_bringup/luna_bringup")
    web_targets = (*launch_targets, "web_api/luna_web", "web_api/luna_client")
    onboard = (f"ros_ws/src/{package}/{package}" for package in ("luna_robot", "luna_executor"))
    ros_targets = ("sim/luna_floor", "sim/luna_sim", "launch/luna_ros_cli", *onboard)
    commands = {
        "ruff": (python, "-m", "ruff", "check", "."),
        "mypy": (*mypy, f"--cache-dir={cache}/mypy-web", *web_targets),
        "mypy, ROS side": (*mypy, f"--cache-dir={cache}/mypy-ros", ros_python, *ros_targets),
        "import-linter": (python, "-c", "from importlinter.cli import lint_imports_command as main; main()"),
    }
    steps = [Step(name, command, variables, of_check) for name, command in commands.items()]
    client = (*npm(checkout), "--prefix", str(checkout.typescript), "test")
    return [*steps, Step("TypeScript client", client, {**variables, **node_variables(checkout)}, of_check)]


def suite_step(checkout: Checkout, chosen: Selection, environment: Mapping[str, str], folder: Path) -> Step:
    """pytest over what is selected of one suite."""
    suite = chosen.suite
    report = folder / f"{suite.name.replace(' ', '-').replace(',', '')}.xml"
    report.unlink(missing_ok=True)
    python = python_of(checkout.ros_env if suite.ros else checkout.web_env)
    variables = (ros_variables if suite.ros else web_variables)(checkout, environment)
    parallel: tuple[str, ...] = ()
    if suite.workers and not _asks_for_workers(chosen.options):
        # Files are taken in their order; xdist would begin with those of many tests.
        parallel = ("-n", str(suite.workers), f"--dist={suite.distribution}", "--no-loadscope-reorder")
    command = (str(python), "-m", "pytest", f"--junitxml={report}", *parallel, *chosen.options, *chosen.paths)
    return Step(suite.name, command, variables, lambda code: of_pytest(code, report), suite.gentle)


def _asks_for_workers(options: Sequence[str]) -> bool:
    return any(option.startswith(("-n", "--numprocesses", "--pdb")) for option in options)


def web_variables(checkout: Checkout, environment: Mapping[str, str]) -> dict[str, str]:
    """For tests and checks in the web environment. A running LUNA's settings must not leak into tests."""
    kept = {name: value for name, value in inherited(environment).items() if not name.startswith("LUNA_")}
    passed_on = {
        name: environment[name]
        for name in ("CI", "PYTEST_ADDOPTS", "ROS_DOMAIN_ID")
        if name in environment
    }
    return {**kept, **passed_on, "PYTHONPATH": _roots(checkout)}


def ros_variables(checkout: Checkout, environment: Mapping[str, str]) -> dict[str, str]:
    """For tests in the ROS environment."""
    wheels = run_variables(checkout.ros_env, checkout.ros_install)
    python_path = f"{_roots(checkout)}:{wheels['PYTHONPATH']}"
    return {**web_variables(checkout, environment), **wheels, "PYTHONPATH": python_path}


def _roots(checkout: Checkout) -> str:
    return ":".join(map(str, (*checkout.import_roots, checkout.root)))


class _Lanes:
    """Runs the steps with real nodes one by one, for robots starve beside others, and meanwhile the other steps.

    Those are ``LANES`` at a time and take the processors only while no robot wants them (``SCHED_IDLE``): suites with
    robots wait half of their time.
    """

    def __init__(self, checkout: Checkout, folder: Path, deadline_s: float) -> None:
        self._checkout, self._folder, self._deadline_s = checkout, folder, deadline_s
        self._turn = threading.Lock()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._pids: set[int] = set()
        self._began = time.monotonic()
        self._over = threading.Event()

    def run(self, steps: Sequence[Step]) -> list[Outcome]:
        """Run all; their outcomes."""
        threading.Thread(target=self._show_life, daemon=True).start()
        threading.Thread(target=leftovers.reap_until, args=(self._over, self._pids, self._turn), daemon=True).start()
        with ThreadPoolExecutor(LANES) as gentle, ThreadPoolExecutor(1) as robots:
            futures = [(gentle if step.gentle else robots).submit(self._run, step) for step in steps]
            try:
                return [future.result() for future in futures]
            except BaseException:  # Ctrl-C or SIGTERM: the pools wait for what runs, so that has to end
                for pool in (gentle, robots):
                    pool.shutdown(wait=False, cancel_futures=True)
                self._stop()
                raise
            finally:
                self._over.set()

    def _run(self, step: Step) -> Outcome:
        log = self._log(step.name)
        began = time.monotonic()
        try:
            with log.open("wb") as out:
                process = self._start(step, out)
                code = self._wait(step, process)
        finally:
            with self._turn:
                if ended := self._running.pop(step.name, None):
                    self._pids.discard(ended.pid)
        outcome = step.count(code)
        self._tell(step, outcome, log, time.monotonic() - began)
        return outcome

    def _start(self, step: Step, out: BinaryIO) -> subprocess.Popen[bytes]:
        with self._turn:
            process = subprocess.Popen(
                step.command,
                env=dict(step.environment),
                cwd=self._checkout.root,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running[step.name] = process
            self._pids.add(process.pid)
        if step.gentle:
            os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))
        return process

    def _wait(self, step: Step, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(self._deadline_s)
        except subprocess.TimeoutExpired:
            print(f"{step.name}: not done after {self._deadline_s:.0f} s; stopped", flush=True)
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait() or 1

    def _stop(self) -> None:
        """Interrupt what runs: pytest then takes its fixtures down. What does not end so is killed."""
        with self._turn:
            running = list(self._running.values())
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            try:
                process.wait(TIDY_UP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def _tell(self, step: Step, outcome: Outcome, log: Path, seconds: float) -> None:
        if outcome.failed:
            print(f"\n──── {step.name} ────", flush=True)
            sys.stdout.write(log.read_text(errors="replace"))
        print(f"{'✗' if outcome.failed else '✓'} {step.name}: {outcome} ({seconds:.0f} s)", flush=True)

    def _show_life(self) -> None:
        while not self._over.wait(SIGN_OF_LIFE_S):
            with self._turn:
                names = list(self._running)
            at = "; ".join(f"{name} {_last_line(self._log(name))}".strip() for name in names)
            print(f"[{time.monotonic() - self._began:4.0f} s] {at}", flush=True)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name.replace(' ', '-').replace(',', '')}.log"


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1][-60:] if lines else ""
