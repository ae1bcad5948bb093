"""A database `luna_manage` for what `luna_web.manage` does to whole databases, and a plan to bootstrap it by."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.servers import Postgres

ROOT = Path(__file__).resolve().parents[4]
PASSWORD = "Robots-carry-b00ks"
PLAN: dict[str, Any] = {
    "floor": str(ROOT / "sim" / "maps" / "library"),
    "catalog": True,
    "robots": [
        {
            "name": "luna1",
            "namespace": "/luna1",
            "bridge_url": "ws://127.0.0.1:9090/luna1",
            "home_waypoint": "DOCK-1",
            "token": "a token of tests",
        }
    ],
    "users": [
        {
            "email": "ada@example.org",
            "role": "STUDENT",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "password": PASSWORD,
        }
    ],
}


Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def own_database(server: Postgres, *, template: str) -> Iterator[Connection]:
    """A database `luna_manage`, and the superuser's connection to it."""
    with server.admin() as admin:
        admin.execute(f"CREATE DATABASE luna_manage TEMPLATE {template} OWNER luna_owner")
        try:
            with server.admin("luna_manage") as connection:
                yield connection
        finally:
            # The commands leave their connections to the end of the process, which is ours.
            admin.execute("DROP DATABASE luna_manage WITH (FORCE)")


def variables(server: Postgres) -> dict[str, str]:
    """Where `luna_manage` is."""
    return {
        "LUNA_DATABASE_URL": server.url("luna_app", "luna_manage"),
        "LUNA_DATABASE_OWNER_URL": server.url("luna_owner", "luna_manage"),
    }
