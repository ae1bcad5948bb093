"""`./luna bench live`: measures the live channel, over servers of its own in the state directory."""

from __future__ import annotations

import subprocess
from pathlib import Path

from rich.console import Console

from luna_embedded.bench.sections import show
from luna_embedded.bench.servers import servers
from luna_embedded.layout import Checkout
from luna_embedded.parts.variables import manage_variables
from luna_embedded.state import StateDir

DEADLINE_S = 1800.0


def bench_live(checkout: Checkout, state: Path, console: Console) -> int:
    """Fifty robots in; three hundred and a thousand clients out, with one and two instances."""
    path = state / "bench-live.json"
    with servers(checkout, StateDir(state / "bench-live")) as run:
        done = subprocess.run(
            [run.web_python, "-m", "luna_web.bench.live", "--out", str(path)],
            env=manage_variables(run),
            cwd=checkout.root,
            timeout=DEADLINE_S,
            check=False,
        )
    return show(done.returncode, path, console)
