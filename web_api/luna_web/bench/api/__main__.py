"""`python -m luna_web.bench.api`: fill the database that the settings name, measure, write the sections as JSON.

Started by `./luna bench api` over servers of its own. Never run it over a library that somebody uses: it fills the
shelves with made-up titles and asks for them in the name of made-up readers.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import structlog
import uvloop

from luna_web.bench.api import processor_time
from luna_web.bench.api.driving import drive
from luna_web.bench.api.figures import COLUMNS, Measured
from luna_web.bench.api.kinds import REQUESTS_OF_ONE, Calls, Kinds
from luna_web.bench.api.library import Library
from luna_web.bench.bare_server import bare_server
from luna_web.bench.sections import Section
from luna_web.shared.config import get_settings
from luna_web.shared.database import make_engine, make_session_factory
from luna_web.shared.principal import Role

CLIENTS = (1, 16, 64)
BARE = "luna_web.bench.api.bare:create_app"
PASSES = 2
"""Each kind is measured in so many parts, with the others in between, so that a machine's moods meet all alike."""
READS_A_WRITE = 2
WARM_CLIENTS = 16
LIBRARIANS = 20


@dataclass(frozen=True)
class Server:
    address: str
    process: psutil.Process


@dataclass(frozen=True)
class Kind:
    """A kind of call to a server; `limit` names the kind that it is compared with."""

    name: str
    server: Server
    make: Callable[[int], Calls]
    limit: str
    writes: bool = False


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="luna_web.bench.api")
    parser.add_argument("--address", required=True)
    parser.add_argument("--server", type=int, required=True, help="process id of the web tier")
    parser.add_argument("--database", type=int, required=True, help="process id of PostgreSQL")
    parser.add_argument("--writes", type=int, default=1_000, help="writes of each kind for each number of clients")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(words)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # progress is told by us
    writes = max(asked.writes, PASSES)
    library, calls = _library(writes)
    web = Server(asked.address, psutil.Process(asked.server))
    with bare_server(BARE) as (address, pid):
        bench = Bench(_kinds(calls, web, Server(address, psutil.Process(pid))), psutil.Process(asked.database))
        bench.warm_up(_warming(writes))
        library.settle()
        measured = [one for clients in CLIENTS for one in bench.measure(clients, writes)]
    sections = [
        asdict(_section("Writes: milliseconds, processor time a call", measured, bench.kinds, writes=True)),
        asdict(_section("Reads: milliseconds, processor time a call", measured, bench.kinds, writes=False)),
    ]
    asked.out.write_text(json.dumps({"name": "api", "at": time.time(), "sections": sections}, indent=1))
    return 0


def _warming(writes: int) -> int:
    return min(100, writes)


def _library(writes: int) -> tuple[Library, Kinds]:
    """As many titles, copies and readers as all creations need."""
    settings = get_settings()
    factory = make_session_factory(make_engine(settings))
    library = Library(settings, factory, settings.database_owner_url or settings.database_url)
    creations = writes * len(CLIENTS) + _warming(writes)
    _tell("a library of its own")
    titles = library.fill(creations + creations // 4 + 50)  # a few of them have no copy that is free
    readers = library.make_people(Role.STUDENT, creations // REQUESTS_OF_ONE + PASSES * len(CLIENTS) + 1)
    return library, Kinds(library, iter(titles), iter(readers), library.make_people(Role.LIBRARIAN, LIBRARIANS))


def _kinds(calls: Kinds, web: Server, bare: Server) -> Sequence[Kind]:
    """In the order in which they are measured: what is approved must have been asked for."""
    write, read, page = "bare insert with outbox", "bare query of a row", "bare query of a page"
    return (
        Kind(write, bare, calls.bare_writes, write, writes=True),
        Kind("create a request", web, calls.creations, write, writes=True),
        Kind("approve it", web, calls.approvals, write, writes=True),
        Kind(read, bare, calls.bare_reads, read),
        Kind("status of a request", web, calls.requests, read),
        Kind("status of a delivery", web, calls.deliveries, read),
        Kind(page, bare, calls.bare_pages, page),
        Kind("list 20 requests", web, calls.lists, page),
    )


@dataclass(frozen=True)
class Bench:
    kinds: Sequence[Kind]
    database: psutil.Process

    def warm_up(self, count: int) -> None:
        """Threads, connections, plans and caches are there before anything is measured."""
        for kind in self.kinds:
            uvloop.run(drive(kind.server.address, kind.make(count), WARM_CLIENTS))

    def measure(self, clients: int, writes: int) -> Sequence[Measured]:
        """Every kind, by so many clients."""
        measured = [Measured(kind.name, clients) for kind in self.kinds]
        for part in range(PASSES):
            for kind, so_far in zip(self.kinds, measured, strict=True):
                _tell(f"{kind.name}, {clients} clients, {part + 1} of {PASSES}")
                self._measure(kind, so_far, (writes if kind.writes else writes * READS_A_WRITE) // PASSES)
        return measured

    def _measure(self, kind: Kind, so_far: Measured, count: int) -> None:
        calls = kind.make(count)
        server, database = self._spent(kind)
        so_far.answers.add(uvloop.run(drive(kind.server.address, calls, so_far.clients)))
        server_now, database_now = self._spent(kind)
        so_far.server_cpu += server_now - server
        so_far.database_cpu += database_now - database
        if so_far.answers.refused:
            _tell(f"{kind.name}: {so_far.answers.refused}")

    def _spent(self, kind: Kind) -> tuple[float, float]:
        return processor_time.of_process(kind.server.process), processor_time.of_family(self.database)


def _section(title: str, measured: Sequence[Measured], kinds: Sequence[Kind], *, writes: bool) -> Section:
    """Kind by kind, each with its limit before it."""
    limits = {(one.name, one.clients): one for one in measured}
    rows = [
        one.row(limits[kind.limit, one.clients])
        for kind in kinds
        if kind.writes is writes
        for one in measured
        if one.name == kind.name
    ]
    return Section(title, COLUMNS, tuple(rows))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
