"""Makes what does not fit, as much as possible at the same time.

web: venv ─ pip ──────────────────► good ─ (tests' packages ─ npm)
ros: venv ─ pip (web's) ─ mend ───► good ─ (tests' packages) ─ colcon ─► interfaces good
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from luna_embedded.install import cmake_paths, stamp
from luna_embedded.install.commands import Runner
from luna_embedded.install.environments import (
    BASE,
    Environment,
    interfaces_fit,
    interfaces_key,
    ros_environment,
    web_environment,
)
from luna_embedded.install.generators import in_heaps, without_cpp
from luna_embedded.install.machine import headers
from luna_embedded.install.node import client_fits, client_stamp, node_variables, npm_install
from luna_embedded.install.progress import Progress
from luna_embedded.install.ros_variables import PREPARED_LIBS, build_variables, site_packages
from luna_embedded.layout import Checkout, python_of

_COLCON = "import sys; from colcon_core.command import main; sys.exit(main())"
# pip and venv shall see nothing of the person's own Python settings.
_PIP_VARIABLES = {"PYTHONPATH": "", "PYTHONNOUSERSITE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
_PINNED = ("--require-hashes", "--no-deps", "--no-compile", "--progress-bar", "off")
_WHEELS = ("--only-binary", ":all:")
_FROM_SOURCE = ("--no-binary", ":all:", "--no-build-isolation", "--use-pep517")


class Maker:
    """Makes environments in one thread each."""

    def __init__(self, checkout: Checkout, runner: Runner, progress: Progress) -> None:
        self._checkout = checkout
        self._runner = runner
        self._progress = progress
        self._pip_is_there = threading.Event()
        self._building: set[str] = set()
        self._failures: list[BaseException] = []

    def make(self, *, ros: bool, tests: bool) -> None:
        """Make everything asked for. Raises Refusal if a program fails."""
        jobs = [self._web, self._ros] if ros else [self._web]
        threads = [threading.Thread(target=self._guarded, args=(job, tests), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:  # Ctrl-C or SIGTERM: nothing half made may go on being made
            self._runner.stop()
            raise
        if self._failures:
            raise self._failures[0]

    def _guarded(self, job: Callable[[bool], None], tests: bool) -> None:
        try:
            job(tests)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._failures.append(error)
            self._runner.stop()
            self._pip_is_there.set()

    def _web(self, tests: bool) -> None:
        web = web_environment(self._checkout)
        if not web.fits(tests=False):
            self._venv(web)
            self._pip_is_there.set()
            self._pip(web, web.lock)
            stamp.write(web.folder, web.wanted(tests=False))
        self._pip_is_there.set()
        self._add_tests(web, tests)
        if tests and not client_fits(self._checkout):
            self._npm(web)
        self._progress.set(web.name, "")

    def _ros(self, tests: bool) -> None:
        ros = ros_environment(self._checkout)
        if not ros.fits(tests=False):
            self._venv(ros, "--without-pip")
            self._pip_is_there.wait()
            self._pip(ros, ros.lock)
            if ros.source_lock:
                self._pip(ros, ros.source_lock, *_FROM_SOURCE)
            self._mend(ros)
            stamp.write(ros.folder, ros.wanted(tests=False))
        self._pip_is_there.wait()
        if not interfaces_fit(self._checkout):
            self._build_interfaces(ros)
        self._add_tests(ros, tests)
        self._progress.set(ros.name, "")

    def _venv(self, env: Environment, *options: str) -> None:
        self._progress.set(env.name, "making the environment")
        _clear(env.folder)
        self._runner.run(f"Making {env.folder}", [sys.executable, "-m", "venv", *options, env.folder], _PIP_VARIABLES)

    def _pip(self, env: Environment, lock: Path, *options: str) -> None:
        told = _PipProgress(lock, lambda what: self._progress.set(env.name, what))
        pip = [str(python_of(self._checkout.web_env)), "-m", "pip", "--python", str(python_of(env.folder))]
        command = [*pip, "install", *_PINNED, *(options or _WHEELS), "-r", str(lock)]
        self._runner.run(f"Installing {lock}", command, _PIP_VARIABLES, told)

    def _add_tests(self, env: Environment, tests: bool) -> None:
        if tests and not env.fits(tests=True):
            stamp.take_away(env.folder)
            self._pip(env, env.test_lock)
            stamp.write(env.folder, env.wanted(tests=True))

    def _npm(self, web: Environment) -> None:
        self._progress.set(web.name, "installing the TypeScript client's tools")
        client = self._checkout.typescript
        self._runner.run(
            f"Installing {client / 'package-lock.json'}",
            npm_install(self._checkout),
            node_variables(self._checkout),
            cwd=client,
        )
        stamp.write(client / "node_modules", client_stamp(self._checkout))

    def _mend(self, ros: Environment) -> None:
        self._progress.set(ros.name, "putting paths right")
        packages = site_packages(ros.folder)
        cmake_paths.mend(ros.folder / "share", headers(), packages / "numpy/_core/include")
        prepared = ros.folder / PREPARED_LIBS
        prepared.mkdir(exist_ok=True)
        # rosbridge-server-rs asks for the middleware by the name under which a ROS installation has it.
        (prepared / "librmw_implementation.so").symlink_to(ros.folder / "lib/librmw_fastrtps_cpp.so")
        for program in (packages / "rosbridge_server_rs").glob("rosbridge_server_rs_*"):
            program.chmod(0o755)

    def _build_interfaces(self, ros: Environment) -> None:
        self._progress.set(ros.name, "building interfaces")
        key, build, install = interfaces_key(self._checkout), self._checkout.ros_build, self._checkout.ros_install
        _clear(build)
        _clear(install)
        build.mkdir(parents=True)
        variables = {**build_variables(ros.folder), **_PIP_VARIABLES, "MAKEFLAGS": "-j2"}
        variables["PATH"] = f"{ros.folder}/bin:{os.environ['PATH']}"
        told = partial(self._tell_colcon, ros.name)
        self._runner.run("Building the ROS interfaces", self._colcon(ros, build), variables, told, cwd=build)
        stamp.write(install, {BASE: key})
        _clear(build)

    def _colcon(self, ros: Environment, build: Path) -> list[str]:
        python = str(python_of(ros.folder))
        places = ["--build-base", str(build), "--install-base", str(self._checkout.ros_install)]
        sources = ["--base-paths", *map(str, self._checkout.interface_sources)]
        cheaper = [*without_cpp(ros.folder, build / "generators"), *in_heaps(build / "generators")]
        cmake = ["--cmake-args", f"-DPython3_EXECUTABLE={python}", *cheaper]
        return [python, "-c", _COLCON, "--log-base", str(build / "log"), "build", *sources, *places, *cmake]

    def _tell_colcon(self, job: str, line: str) -> None:
        if match := re.match(r"(Starting|Finished) (?:>>>|<<<) (\S+)", line):
            (self._building.add if match[1] == "Starting" else self._building.discard)(match[2])
            self._progress.set(job, "building " + ", ".join(sorted(self._building)))


class _PipProgress:
    """Follows pip's lines: how many of the lock's packages it has collected."""

    def __init__(self, lock: Path, tell: Callable[[str], None]) -> None:
        self._total = sum(
            1 for line in lock.read_text().splitlines() if "==" in line and not line.lstrip().startswith("#")
        )
        self._collected = 0
        self._tell = tell
        tell("installing")

    def __call__(self, line: str) -> None:
        if line.startswith(("Collecting", "Requirement already satisfied")):
            self._collected += 1
            self._tell(f"downloading packages, {self._collected} of about {self._total}")
        elif line.startswith("Installing collected packages"):
            self._tell(f"unpacking {self._collected} packages")


def _clear(folder: Path) -> None:
    """Remove a folder; taken aside first, so that a removal that is interrupted leaves no half folder of that name."""
    if not folder.exists():
        return
    aside = folder.with_name(f".old-{folder.name}-{os.getpid()}")
    folder.rename(aside)
    shutil.rmtree(aside)
