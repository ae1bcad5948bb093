"""`python -m luna_web.manage.bootstrap` with a plan on standard input: `manage bootstrap`, at once where it stands.

For what starts LUNA again and again. The application is loaded only where the last bootstrap does not stand any more.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from luna_web.manage import standing


def main() -> int:
    """Bootstrap where it is needed; exit codes are those of `luna_web.manage`."""
    plan = sys.stdin.read()
    owner_url = os.environ.get("LUNA_DATABASE_OWNER_URL", "")
    made_from = standing.origin(plan, os.environ, datetime.now(UTC), Path.cwd()) if owner_url else None
    if made_from is not None and _stands(owner_url, made_from):
        print("nothing has changed since the last start", flush=True)
        return 0
    from luna_web.manage.commands import bootstrap_from  # the whole application

    bootstrap_from(plan)
    if made_from is not None:
        with standing.connect(owner_url) as connection:
            standing.remember(connection, made_from)
    return 0


def _stands(owner_url: str, made_from: standing.Origin) -> bool:
    """If not, it is forgotten. What the database has against us the bootstrap itself tells better."""
    try:
        with standing.connect(owner_url) as connection:
            if standing.stands(connection, made_from):
                return True
            standing.forget(connection)
    except psycopg.Error:
        return False
    return False


if __name__ == "__main__":
    sys.exit(main())
