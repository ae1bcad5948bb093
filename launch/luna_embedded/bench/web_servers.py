"""PostgreSQL, Valkey and the web tier for a benchmark, supervised; no worker, no robots, no library of anybody's.

Usage: python -m luna_embedded.bench.web_servers STATE PORT
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

import psutil

from luna_embedded.bench.servers import keep_running
from luna_embedded.exit_codes import Refusal
from luna_embedded.parts import migrate, postgres, valkey, web
from luna_embedded.parts.postgres_home import PostgresHome
from luna_embedded.parts.run import Options, Run
from luna_embedded.supervision.part import Part

BUFFERS_MB = psutil.virtual_memory().total // 4 >> 20
LARGE = f"shared_buffers={BUFFERS_MB}MB max_wal_size=4GB checkpoint_timeout=15min"
"""What one gives PostgreSQL who has a million titles: a quarter of the machine's memory, as its manual advises. With
less room for its log an import makes a checkpoint every few thousand titles, after which each page of an index is
logged whole once more."""
UNLIMITED = "100000000/minute"
FREE_FAILURES = {"LUNA_LOGIN_FREE_FAILURES": "100", "LUNA_LOGIN_FREE_FAILURES_PER_ADDRESS": "100000"}
"""Guesses under way count as wrong ones until they are known to be right, and the benchmark makes several at once."""
LIMITS = ("LUNA_LOGIN_LIMIT_PER_ADDRESS", "LUNA_READ_LIMIT", "LUNA_WRITE_LIMIT")


def servers(run: Run, home: PostgresHome | None) -> Sequence[Part]:
    """The parts, in order. Raises Refusal where the person's own PostgreSQL is named: it is not to be filled."""
    if home is None:
        raise Refusal("A benchmark fills a database of its own.", "Unset LUNA_DATABASE_URL.")
    people_alone = {**migrate.wishes(run), "robots": [], "catalog": False}
    return [
        postgres.part(run, home),
        valkey.part(run),
        replace(migrate.part(run), stdin=json.dumps(people_alone).encode()),
        web.part(run),
    ]


def main(state: str, port: str) -> int:
    os.environ.update(dict.fromkeys(LIMITS, UNLIMITED) | FREE_FAILURES)
    os.environ.setdefault(postgres.SETTINGS_VARIABLE, LARGE)
    print(f"PostgreSQL with {os.environ[postgres.SETTINGS_VARIABLE]}", flush=True)
    return keep_running(state, Options(port=int(port)), servers)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
