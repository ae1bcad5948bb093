"""Titles and copies as rows, for sets of them: psycopg and its COPY.

Not the ORM: at thousands of titles a second each microsecond a row counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from luna_web.book.marc import CatalogRecord

Connection = psycopg.Connection[tuple[Any, ...]]
COLUMNS = tuple(one.name for one in fields(CatalogRecord))
LISTS = frozenset({"isbns_other", "isbns_invalid"})
BOOK_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
TYPES = tuple("text[]" if name in LISTS else "int4" if name == "publication_year" else "text" for name in COLUMNS)
ROW_TYPES = ("uuid", "int4", *TYPES)
"""Of id, version and `COLUMNS`."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Of which job, and whether anything is to change."""

    job_id: UUID
    dry_run: bool


def prepare(connection: Connection) -> None:
    """Once for each connection: tables for what a batch says and changes, and no plan that reads all titles for it."""
    connection.execute("SET enable_seqscan = off")
    connection.execute(
        "CREATE TEMPORARY TABLE import_entries (isbn text, control text, key uuid) ON COMMIT DELETE ROWS"
    )
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE import_changes (id uuid, version int, {}) ON COMMIT DELETE ROWS").format(
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
                for name, kind in zip(COLUMNS, TYPES, strict=True)
            )
        )
    )


def book_of(values: Iterable[Any]) -> CatalogRecord:
    """A title of the values of `COLUMNS`."""
    told: tuple[Any, ...] = tuple(tuple(value) if isinstance(value, list) else value for value in values)
    return CatalogRecord(*told)


_told = attrgetter(*COLUMNS)
_LIST_PLACES = tuple(place for place, name in enumerate(COLUMNS) if name in LISTS)


def values_of(book: CatalogRecord) -> list[Any]:
    """The values of `COLUMNS`."""
    values = list(_told(book))
    for place in _LIST_PLACES:
        values[place] = list(values[place])
    return values


def copy_rows(
    connection: Connection, statement: sql.Composed | sql.SQL, types: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """COPY … FROM STDIN (FORMAT BINARY)."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
