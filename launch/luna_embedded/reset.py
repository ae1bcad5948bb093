"""`luna reset`: deletes a state directory's content, and nothing but what LUNA put there."""

from __future__ import annotations

import shutil

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.parts.postgres_home import recorded_home
from luna_embedded.state import Lock, StateDir
from luna_embedded.supervision.records import Records

OURS = ("logs", "valkey", "sim", "robots", "mail", "run", "postgres")
FILES = ("secrets.json", "run.json", "processes.json", "postgres-home", "supervisor.lock")


def wipe(state: StateDir) -> None:
    """Delete it. Raises Refusal while a supervisor uses it."""
    if not state.path.exists():
        return
    lock = Lock(state)
    try:
        lock.take()
    except Refusal as refusal:
        raise Refusal(refusal.what, "Stop it first: ./luna down", Exit.IN_THE_WAY) from refusal
    Records(state.processes).end_leftovers()
    folders = [state.path / name for name in OURS]
    for folder in filter(None, [*folders, recorded_home(state), state.run]):
        shutil.rmtree(folder, ignore_errors=True)
    for name in FILES:
        (state.path / name).unlink(missing_ok=True)
    if not any(state.path.iterdir()):
        state.path.rmdir()
