"""Simulator and one robot's nodes for a benchmark, supervised; no web tier, so that nobody else commands the robot.

Usage: python -m luna_embedded.bench.robot_servers STATE PORT
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from luna_embedded.bench.servers import keep_running
from luna_embedded.parts import robot, simulator
from luna_embedded.parts.postgres_home import PostgresHome
from luna_embedded.parts.run import Options, Run
from luna_embedded.supervision.part import Part

ROBOT = "luna1"


def nodes(run: Run) -> Sequence[Part]:
    """What runs on the robot itself."""
    return [robot.safety(run, ROBOT), robot.onboard(run, ROBOT)]


def servers(run: Run, _: PostgresHome | None) -> Sequence[Part]:
    """The parts, in order."""
    return [simulator.part(run), *nodes(run)]


def main(state: str, port: str) -> int:
    return keep_running(state, Options(port=int(port)), servers)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
