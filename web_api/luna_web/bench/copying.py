"""The limit of an import: the same titles by COPY alone, into the catalog and into a table with its indexes only."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from luna_web.bench.import_files import Titles
from luna_web.shared.ids import new_ids

BATCH = 1_000
"""Titles a transaction, as an import has them."""
_GIVEN = (
    "id", "version", "title", "author", "isbn13", "control_number", "publisher", "publication_year", "description",
    "language", "call_number",
)  # fmt: skip
_TYPES = ("uuid", "int4", "text", "text", "text", "text", "text", "int4", "text", "text", "text")
_KEPT = ("title_key", "own_key", "author_key", "search")
# What the catalog computes for a title stands here as plain columns, and nothing is done after a statement.
_BARE = """
DROP TABLE IF EXISTS bench_books;
CREATE TABLE bench_books (LIKE books INCLUDING DEFAULTS INCLUDING CONSTRAINTS, match_key uuid);
CREATE UNIQUE INDEX ON bench_books (id);
CREATE UNIQUE INDEX ON bench_books (isbn13) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX ON bench_books (control_number) WHERE deleted_at IS NULL;
CREATE INDEX ON bench_books USING gin (search) WITH (gin_pending_list_limit = 512);
CREATE INDEX ON bench_books (title_key, id) WHERE deleted_at IS NULL;
CREATE INDEX ON bench_books (own_key, id) WHERE deleted_at IS NULL AND own_key IS NOT NULL;
CREATE INDEX ON bench_books (author_key, id) WHERE deleted_at IS NULL;
CREATE INDEX ON bench_books (author_key DESC NULLS LAST, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX ON bench_books (publication_year, id) WHERE deleted_at IS NULL;
CREATE INDEX ON bench_books (publication_year DESC NULLS LAST, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX ON bench_books (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX ON bench_books (match_key, id) WHERE deleted_at IS NULL;
"""
Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Titles a second by COPY, a thousand a transaction. `bare`: without what the catalog computes and keeps."""

    catalog: float
    bare: float


def measure(owner_url: str, titles: Titles) -> Limits:
    """Add these titles to the catalog, then the same with what it made of them to a table beside it."""
    url = owner_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        _stage(connection, titles)
        given = _packed(connection, "bench_given", _GIVEN)
        into_catalog = _rate(connection, "books", _GIVEN, given, titles.records)
        connection.execute(_BARE)
        kept = _packed(connection, "bench_kept", (*_GIVEN, *_KEPT, "match_key"))
        bare = _rate(connection, "bench_books", (*_GIVEN, *_KEPT, "match_key"), kept, titles.records)
        connection.execute("DROP TABLE bench_books")
    return Limits(into_catalog, bare)


def _stage(connection: Connection, titles: Titles) -> None:
    """The titles as rows of this session, and a view of what the catalog makes of them."""
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE bench_given AS SELECT {} FROM books LIMIT 0").format(_names(_GIVEN))
    )
    statement = sql.SQL("COPY bench_given ({}) FROM STDIN (FORMAT BINARY)").format(_names(_GIVEN))
    with connection.cursor().copy(statement) as sink:
        sink.set_types(_TYPES)
        for made, row in zip(new_ids(titles.records), titles, strict=True):
            sink.write_row((made, 1, row["title"], *(row.get(name.replace("13", "")) or None for name in _GIVEN[3:])))
    connection.execute(
        "CREATE TEMPORARY VIEW bench_kept AS SELECT books.*,"
        " luna_match_key(books.title, books.author, books.publication_year) AS match_key"
        " FROM bench_given JOIN books USING (id)"
    )


def _packed(connection: Connection, source: str, columns: Sequence[str]) -> list[bytes]:
    """The rows as COPY sends them, a batch a piece, so that measuring them costs the client nothing."""
    connection.execute("ANALYZE bench_given")
    ids = [one for (one,) in connection.execute("SELECT id FROM bench_given ORDER BY id")]
    statement = sql.SQL("COPY (SELECT {} FROM {} WHERE id = ANY ({}) ORDER BY id) TO STDOUT (FORMAT BINARY)")
    return [
        b"".join(_copied(connection, statement.format(_names(columns), sql.Identifier(source), sql.Literal(some))))
        for some in (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
    ]


def _copied(connection: Connection, statement: sql.Composed) -> Iterator[bytes]:
    with connection.cursor().copy(statement) as source:
        yield from map(bytes, source)


def _rate(
    connection: Connection, table: str, columns: Sequence[str], pieces: Sequence[bytes], titles: int
) -> float:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), _names(columns))
    begun = time.perf_counter()
    for piece in pieces:
        with connection.transaction(), connection.cursor().copy(statement) as sink:
            sink.write(piece)
    return titles / (time.perf_counter() - begun)


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
