"""`python -m luna_web.bench`: fill the database that the settings name, measure, write the sections as JSON.

Started by `./luna bench catalog` over servers of its own. Never run it over a library that somebody uses: it fills the
shelves with made-up titles. Two logins come on standard input, that of a librarian, and one to log in with again and
again: `{"librarian": {"email": …, "password": …}, "crowd": {…}}`.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import psycopg
import structlog

from luna_web.bench import importing, logins, searching, throughput
from luna_web.bench.client import Client
from luna_web.bench.load import load
from luna_web.bench.sections import Account, Bench, Measure
from luna_web.bench.tables import CREATE
from luna_web.bench.titles import Maker
from luna_web.shared.config import get_settings
from luna_web.shared.database import make_engine, make_session_factory

SECTIONS: Sequence[Measure] = (searching.measure, throughput.measure, logins.measure, importing.measure)
"""In the order in which they are measured and shown. Those that change the catalog come last."""


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="luna_web.bench")
    parser.add_argument("--titles", type=int, required=True)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--address", required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(words)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # progress is told by us
    _fill(asked.titles)
    given = json.load(sys.stdin)
    bench = _bench(asked, Account(**given["librarian"]), Account(**given["crowd"]))
    sections: list[dict[str, object]] = []
    for measure in SECTIONS:
        sections.append(asdict(measure(bench)))
        result = {"name": "catalog", "at": time.time(), "titles": asked.titles, "sections": sections}
        asked.out.write_text(json.dumps(result, indent=1))
    return 0


def _fill(titles: int) -> None:
    """Put the titles on the shelves, unless they are there from a run before."""
    owner = (get_settings().database_owner_url or "").replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(CREATE)
        row = connection.execute("SELECT count(*) FROM books WHERE control_number LIKE 'made%'").fetchone()
    there = int(row[0]) if row else 0
    if there == titles:
        return
    if there:
        raise SystemExit(f"this database has {there} made titles, not {titles}: ask for as many, or delete it")
    load(owner, Maker.from_seed(), titles, lambda done: _tell(f"{done:,} of {titles:,} titles"))


def _bench(asked: argparse.Namespace, librarian: Account, crowd: Account) -> Bench:
    settings, address = get_settings(), asked.address
    client = Client(address, logins.token(address, librarian.email, librarian.password))
    factory = make_session_factory(make_engine(settings))
    return Bench(settings, factory, address, crowd, client, asked.times, asked.seconds, asked.records, _tell)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
