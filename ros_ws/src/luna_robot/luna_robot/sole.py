"""One process alone may work in a robot's folder at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


class InUse(Exception):
    """Another process has it."""


def hold(path: Path) -> IO[bytes]:
    """Until it is closed, or the process has ended, however it did. Raises InUse, OSError."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InUse(f"{path} is in use by another process") from None
    except OSError:
        file.close()
        raise
    return file
