"""One shot before the web tier: migrations, floor, catalog, robots and people, all idempotent; at once if all stand."""

from __future__ import annotations

import json
from typing import Any

from luna_embedded.parts import postgres
from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import manage_variables
from luna_embedded.supervision.lifecycle import Rules
from luna_embedded.supervision.part import Part

NAME = "migrate"
FIRST_MIGRATION_S = 180.0


def wishes(run: Run) -> dict[str, Any]:
    """What the database shall hold; goes to the program's standard input, for it has secrets."""
    return {
        "floor": str(run.floor),
        "catalog": True,
        "robots": [
            {
                "name": name,
                "namespace": f"/{name}",
                "bridge_url": run.bridge_url(name),
                "home_waypoint": f"DOCK-{number}",
                "token": run.credentials.robot_tokens[name],
            }
            for number, name in enumerate(run.options.robot_names, start=1)
        ],
        "users": [
            {
                "email": login.email,
                "role": login.role,
                "first_name": login.first_name,
                "last_name": login.last_name,
                "password": login.password,
            }
            for login in run.credentials.logins()
        ],
    }


def part(run: Run) -> Part:
    return Part(
        name=NAME,
        command=(run.web_python, "-m", "luna_web.manage.bootstrap"),
        environment=manage_variables(run),
        rules=Rules(
            needs=frozenset({postgres.NAME} if run.servers.own_postgres else ()),
            one_shot=True,
            start_deadline=FIRST_MIGRATION_S,
        ),
        stdin=json.dumps(wishes(run)).encode(),
        folder=run.checkout.root,
    )
