"""A ROS domain of one's own: test runs and their workers must not hear each other."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

DOMAINS = range(61, 80)


class Domain:
    """A domain id that no other test run holds; given back by `close`, and by the end of the process."""

    def __init__(self, numbers: Iterable[int] = DOMAINS) -> None:
        for number in numbers:
            file = (Path(tempfile.gettempdir()) / f"luna-test-domain-{number}.lock").open("ab")
            if _locked(file):
                self.number, self._file = number, file
                return
            file.close()
        raise RuntimeError(f"all test domains {numbers} are in use")

    def close(self) -> None:
        self._file.close()


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
