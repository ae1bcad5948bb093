"""A run of PostgreSQL and Valkey alone under the real supervisor, in a process of its own that tests may kill.

Usage: python -m tests.integration.luna_embedded.servers_only STATE PORT NAMED [FREE_BYTES]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from luna_embedded.exit_codes import Refusal
from luna_embedded.install.machine import free_bytes
from luna_embedded.layout import this_checkout
from luna_embedded.parts import postgres, valkey
from luna_embedded.parts.postgres_home import PostgresHome
from luna_embedded.parts.run import Options, Run
from luna_embedded.planning import Place
from luna_embedded.running import supervise
from luna_embedded.state import StateDir
from luna_embedded.supervision.part import Part


def servers(run: Run, home: PostgresHome | None) -> Sequence[Part]:
    assert home
    return [postgres.part(run, home), valkey.part(run)]


def main(state: str, port: str, named: str, free: str = "") -> int:
    where = Place(StateDir(Path(state)), named=named == "True")
    try:
        supervise(
            this_checkout(),
            where,
            Options(port=int(port)),
            lambda _: None,
            servers,
            (lambda _: int(free)) if free else free_bytes,
        )
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
