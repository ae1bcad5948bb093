"""The supervisor in the background. Started by `luna up --detach` with its options as JSON in the only argument.

Its standard error is a pipe to that command until everything serves; then it lets go of it and its log is the log.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.layout import this_checkout
from luna_embedded.parts.run import Options
from luna_embedded.planning import Place
from luna_embedded.running import supervise
from luna_embedded.state import StateDir


def main(words: str) -> int:
    """Supervise; returns the exit code."""
    asked = json.loads(words)
    where = Place(StateDir(Path(asked["state"])), named=asked["named"])
    attached = True

    def watch(snapshot: dict[str, Any]) -> None:
        nonlocal attached
        if attached and snapshot["state"] == "running":
            attached = False
            _let_go(where.state)

    try:
        supervise(this_checkout(), where, Options(**asked["options"]), watch)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    return Exit.OK


def _let_go(state: StateDir) -> None:
    log = os.open(state.log("supervisor-errors"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stderr.fileno())
    os.close(log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
