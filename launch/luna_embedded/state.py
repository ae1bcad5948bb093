"""The state directory of a run: what survives between runs, who may see it, which supervisor has it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.install.machine import require_disk
from luna_embedded.layout import write_private

# sun_path is 108 bytes; the longest name put below the run folder is "/notify/rosbridge-luna10.sock" or PostgreSQL's.
LONGEST_RUN_FOLDER = 108 - 40
RUN_NEEDS_BYTES = 300_000_000


@dataclass(frozen=True)
class StateDir:
    """Paths of one state directory. Open to pass through (PostgreSQL runs as another user); every secret is 0600."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def run_file(self) -> Path:
        """What the last `up` was started with and which ports it got."""
        return self.path / "run.json"

    @property
    def processes(self) -> Path:
        """Process ids and start times of the parts, to find leftovers by."""
        return self.path / "processes.json"

    @property
    def postgres_home(self) -> Path:
        """A file that names the folder of PostgreSQL's data, once chosen."""
        return self.path / "postgres-home"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def simulator(self) -> Path:
        return self.path / "sim"

    def robot(self, name: str) -> Path:
        """A robot's disk: its journal."""
        return self.path / "robots" / name

    @property
    def mail(self) -> Path:
        return self.path / "mail"

    @property
    def run(self) -> Path:
        """Folder of sockets and generated configuration; elsewhere if the path is too long for a socket's name."""
        return run_folder(self.path, os.geteuid())

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"


def run_folder(state: Path, uid: int) -> Path:
    """The run folder of a state directory: inside it where socket names then fit, else a short one of this user's."""
    inside = state / "run"
    # It goes into nginx's configuration and into addresses of PostgreSQL and Valkey, where many signs have a meaning.
    if len(os.fsencode(inside)) <= LONGEST_RUN_FOLDER and re.fullmatch(r"[A-Za-z0-9/._-]+", str(inside)):
        return inside
    tag = hashlib.sha256(os.fsencode(state)).hexdigest()[:12]
    base = Path("/run" if uid == 0 else "/tmp")  # noqa: S108 - its owner is checked before it is used
    return base / f"luna-{uid}-{tag}"


def begin(state: StateDir) -> None:
    """Make the state directory itself, so that its lock can be taken. Raises Refusal."""
    with _refusing(state):
        state.path.mkdir(parents=True, exist_ok=True)
        state.path.chmod(0o711)


@contextlib.contextmanager
def _refusing(state: StateDir) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        mend = "Choose another place with --state DIR, or mend that one."
        raise Refusal(f"The state directory {state.path} cannot be used: {error}", mend, Exit.UNFIT) from error


def prepare(state: StateDir, free: Callable[[Path], int]) -> None:
    """Make the folders in it. Raises Refusal if the disk is full or the place is not ours."""
    require_disk(state.path, RUN_NEEDS_BYTES, free)
    with _refusing(state):
        _own_folder(state.run)
        for private in (
            state.logs,
            state.valkey,
            state.simulator,
            state.mail,
            state.path / "robots",
            state.run / "notify",
        ):
            private.mkdir(exist_ok=True)
            private.chmod(0o700)


def _own_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o711)


class Lock:
    """Held by the supervisor as long as it lives; the kernel lets go of it, whatever the supervisor dies of."""

    def __init__(self, state: StateDir) -> None:
        self._path = state.path / "supervisor.lock"
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take it. Raises Refusal if another supervisor has it."""
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            pid = file.read().strip()
            file.close()
            what = f"LUNA is already running with the state directory {self._path.parent} (process {pid or 'unknown'})."
            raise Refusal(
                what, "See ./luna status; stop it with ./luna down; or give another --state.", Exit.IN_THE_WAY
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def is_held(self) -> bool:
        """Whether some supervisor has it."""
        try:
            with self._path.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of ours; empty if there is none. Raises Refusal if it cannot be understood."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Refusal(f"{path} cannot be read: {error}", "Mend or remove it; ./luna reset begins anew.") from error
    if not isinstance(found, dict):
        raise Refusal(f"{path} is not what LUNA wrote there.", "Mend or remove it; ./luna reset begins anew.")
    return found


def write_json(path: Path, value: object) -> None:
    """Write a JSON file for this user's eyes only, whole or not at all."""
    write_private(path, json.dumps(value, indent=1) + "\n")
