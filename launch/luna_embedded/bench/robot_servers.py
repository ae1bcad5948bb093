"""Simulator and one robot's nodes for a benchmark, supervised; no web tier, so that nobody else commands the robot.

Usage: python -m luna_embedded.bench.robot_servers STATE PORT
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from luna_embedded.exit_codes import Refusal
from luna_embedded.layout import this_checkout
from luna_embedded.parts import robot, simulator
from luna_embedded.parts.postgres_home import PostgresHome
from luna_embedded.parts.run import Options, Run
from luna_embedded.planning import Place
from luna_embedded.running import supervise
from luna_embedded.state import StateDir
from luna_embedded.supervision.part import Part

ROBOT = "luna1"


def nodes(run: Run) -> Sequence[Part]:
    """What runs on the robot itself."""
    return [robot.safety(run, ROBOT), robot.onboard(run, ROBOT)]


def servers(run: Run, _: PostgresHome | None) -> Sequence[Part]:
    """The parts, in order."""
    return [simulator.part(run), *nodes(run)]


def main(state: str, port: str) -> int:
    try:
        where = Place(StateDir(Path(state)), named=True)
        supervise(this_checkout(), where, Options(port=int(port)), lambda _: None, servers)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
