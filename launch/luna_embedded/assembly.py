"""All parts of a run, in the order in which `status` lists them and, reversed, in which they stop."""

from __future__ import annotations

from luna_embedded.parts import bridge_proxy, migrate, postgres, robot, rosbridge, simulator, valkey, web
from luna_embedded.parts.postgres_home import PostgresHome
from luna_embedded.parts.run import Run
from luna_embedded.supervision.part import Part


def parts(run: Run, home: PostgresHome | None) -> list[Part]:
    """Every part; ``home`` is None if the person brings a PostgreSQL of their own."""
    servers = [postgres.part(run, home)] if home else []
    if run.servers.own_valkey:
        servers.append(valkey.part(run))
    robots = [part for name in run.options.robot_names for part in _robot(run, name)]
    return [
        *servers,
        migrate.part(run),
        simulator.part(run),
        *robots,
        bridge_proxy.part(run),
        web.part(run),
        web.worker(run),
    ]


def _robot(run: Run, name: str) -> list[Part]:
    return [robot.onboard(run, name), robot.safety(run, name), rosbridge.part(run, name)]
