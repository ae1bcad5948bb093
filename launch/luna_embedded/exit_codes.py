"""What the exit codes of `./luna` mean; `./luna --help` prints them."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, stable for scripts."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    IN_THE_WAY = 4
    UNFIT = 5
    INTERRUPTED = 130


MEANING = {
    Exit.OK: "done",
    Exit.FAILED: "failed; the message says what and how to mend it",
    Exit.USAGE: "wrong usage",
    Exit.NOT_RUNNING: "LUNA is not running with this state directory",
    Exit.IN_THE_WAY: "already running, or the port is taken",
    Exit.UNFIT: "this machine lacks something: a tool, disk space, access to a folder",
    Exit.INTERRUPTED: "interrupted",
}


class Refusal(Exception):
    """Something that a person must mend: what is wrong, and what to do about it. Ends the command with ``code``."""

    def __init__(self, what: str, mend: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend
        self.code = code

    def __str__(self) -> str:
        return f"{self.what}\n{self.mend}" if self.mend else self.what
