"""Forget the highest controller epoch, after the web tier's database was restored from an older state.

A restored database hands out epochs that the robot has seen before, and the robot refuses them all. With the onboard
nodes stopped: `ros2 run luna_robot reset_epoch --state-dir DIR`.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

from luna_robot.delivery.events import Answer, Step
from luna_robot.delivery.journal import Journal, JournalError, open_journal
from luna_robot.delivery.model import Entry


def reset_epoch(journal: Journal, wall: int) -> int:
    """The epoch that was forgotten. `wall` is the time of day in nanoseconds."""
    before = journal.state
    entry = Entry(before.seq + 1, wall, "", "EPOCH_RESET", None, {"epoch": before.epoch})
    journal.write(Step(replace(before, seq=entry.seq, epoch=0), Answer(), (entry,), durable=True))
    return before.epoch


def main(args: list[str] | None = None) -> int:
    """0 = done, 1 = refused."""
    parser = argparse.ArgumentParser(prog="reset_epoch", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="folder of the journal")
    path: Path = parser.parse_args(args).state_dir / "journal.sqlite3"
    if not path.exists():
        print(f"there is no journal at {path}", file=sys.stderr)
        return 1
    try:
        journal = open_journal(path, lambda: str(uuid.uuid4()))
        forgotten = reset_epoch(journal, time.time_ns())
        journal.close()
    except JournalError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"epoch {forgotten} is forgotten: the next controller is heard, whatever its epoch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
