"""The real processes of one robot, nodes together or alone; started, ended and killed as a run does it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]
FLOOR = ROOT / "sim" / "maps" / "library"
SOURCES = [ROOT / "sim", ROOT / "ros_ws" / "src" / "luna_robot"]
START_WITHIN = 60.0
END_WITHIN = 30.0
ALONE = ("waypoint_navigator", "task_executor", "status_publisher")
MODULES = {
    "safety": "luna_robot.safety_supervisor",
    "onboard": "luna_robot.onboard",
    **{name: f"luna_robot.{name}" for name in ALONE},
}


class Processes:
    def __init__(self, folder: Path, domain: int, speed: float) -> None:
        self.folder = folder
        self._speed = speed
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        sources = [str(source) for source in SOURCES]
        self._environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(domain),
            "ROS_LOG_DIR": str(folder / "log"),
            "PYTHONPATH": os.pathsep.join([*sources, os.environ.get("PYTHONPATH", "")]),
        }

    def start(self, name: str, **parameters: str) -> None:
        """`sim`, `safety`, `onboard` or one of ALONE; returns when it says READY=1."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            address = f"\0luna-test-{os.getpid()}-{name}-{id(self)}"
            listener.bind(address)
            listener.settimeout(1.0)
            environment = {**self._environment, "NOTIFY_SOCKET": "@" + address[1:]}
            log = (self.folder / f"{name}.log").open("ab")
            command = [sys.executable, "-m", *self._command(name, parameters)]
            self._running[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            log.close()
            self._wait_ready(name, listener)

    def _wait_ready(self, name: str, listener: socket.socket) -> None:
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline:
            assert self._running[name].poll() is None, (self.folder / f"{name}.log").read_text()
            try:
                if b"READY=1" in listener.recv(1000):
                    return
            except TimeoutError:
                continue
        raise AssertionError(f"{name} is not ready within {START_WITHIN} s")

    def _command(self, name: str, parameters: Mapping[str, str]) -> list[str]:
        if name == "sim":
            return ["luna_sim", "--floor", str(FLOOR), "--robots", "luna1", "--speed", str(self._speed),
                    "--seed", "1", "--state-dir", str(self.folder / "sim")]  # fmt: skip
        mask = str(FLOOR / "keepout.yaml")
        given = {"robot_name": "luna1", "state_dir": str(self.folder / "luna1"), "keepout_mask": mask, **parameters}
        if name != "safety":
            given = {"use_sim_time": "true", "map_id": "library", **given}
        arguments = [argument for key, value in given.items() for argument in ("-p", f"{key}:={value}")]
        return [MODULES[name], "--ros-args", "-r", "__ns:=/luna1", *arguments]

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def end(self, name: str, within: float = END_WITHIN) -> int:
        """SIGTERM; the exit code."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(within)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self._running.pop(name)
        process.kill()
        process.wait(END_WITHIN)

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait(END_WITHIN)
        self._running.clear()
