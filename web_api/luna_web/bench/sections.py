"""What a benchmark measures: each section is a table, in that of the catalog made by a function that gets the bench.

`SECTIONS` in `__main__` lists them; what measures something more is one more function there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from luna_web.bench.client import Client
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Section:
    """A table: its title, a heading a column, the rows. Times are in milliseconds unless a heading says otherwise."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Account:
    email: str
    password: str


@dataclass(frozen=True)
class Bench:
    """Where to measure: a running web tier over a loaded catalog.

    `crowd` is an account whose sessions end as others begin: nobody else uses it. `times` is how often each thing is
    asked, `records` how many are imported in each format.
    """

    settings: Settings
    factory: SessionFactory
    address: str
    crowd: Account
    client: Client
    times: int
    seconds: float
    records: int
    tell: Callable[[str], None]

    def rows(self, ask: Callable[[Session], Any]) -> Any:
        """What a query gives, in a transaction of its own."""
        with self.factory() as session:
            return ask(session)


Measure = Callable[[Bench], Section]
