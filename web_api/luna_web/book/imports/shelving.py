"""What a batch needs to know of the catalog, and writing what it came to: sets of rows, no row by itself.

This is psycopg and its COPY, not the ORM: at thousands of titles a second each microsecond per row counts.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from luna_web.book.barcodes import item_barcode
from luna_web.book.domain import CopyStatus
from luna_web.book.imports.domain import Described
from luna_web.book.imports.merging import Held, Key, Known, Title, numbers_of, pin_key
from luna_web.book.marc import CatalogRecord

Connection = psycopg.Connection[tuple[Any, ...]]
COLUMNS = tuple(one.name for one in fields(CatalogRecord))
_LISTS = frozenset({"isbns_other", "isbns_invalid"})
_CANDIDATES = 5
"""How many titles of one title, author and year are looked at; more are alike in everything that counts."""
_BOOK_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
_KEY = sql.SQL("luna_match_key(b.title, b.author, b.publication_year)")
_TYPES = (
    "uuid",
    "int4",
    *("text[]" if name in _LISTS else "int4" if name == "publication_year" else "text" for name in COLUMNS),
)


class Overtaken(Exception):
    """Somebody changed a row between our look and our write."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Of which job, and whether anything is to change."""

    job_id: UUID
    dry_run: bool


def prepare(connection: Connection) -> None:
    """Once for each connection: tables for what a batch says and changes, and no plan that reads all titles for it."""
    connection.execute("SET enable_seqscan = off")
    connection.execute(
        "CREATE TEMPORARY TABLE import_entries (place int, isbn text, control text, title text, author text, year int,"
        " key uuid GENERATED ALWAYS AS (luna_match_key(title, author, year)) STORED) ON COMMIT DELETE ROWS"
    )
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE import_changes (id uuid, version int, {}) ON COMMIT DELETE ROWS").format(
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
                for name, kind in zip(COLUMNS, _TYPES[2:], strict=True)
            )
        )
    )


def stage(connection: Connection, entries: Sequence[Described]) -> list[Key]:
    """Lay a batch beside the catalog; of each record title, author and year as the catalog compares them."""
    connection.execute("DELETE FROM import_entries")
    statement = sql.SQL("COPY import_entries (place, isbn, control, title, author, year) FROM STDIN (FORMAT BINARY)")
    books = (one.book for one in entries)
    rows = (
        (place, book.isbn13, book.control_number, book.title, book.author, book.publication_year)
        for place, book in enumerate(books)
    )
    _copy(connection, statement, ("int4", "text", "text", "text", "text", "int4"), rows)
    return [key for (key,) in connection.execute("SELECT key FROM import_entries ORDER BY place")]


def key_of(connection: Connection, book: CatalogRecord) -> Key:
    """The same of one title."""
    told = (book.title, book.author, book.publication_year)
    row = connection.execute("SELECT luna_match_key(%s, %s, %s::int)", told).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    key: Key = row[0]
    return key


def known(connection: Connection, purpose: Purpose, entries: Sequence[Described], keys: Sequence[Key]) -> Known:
    """Every title, copy and pin that the staged records could be about."""
    pins: dict[Key, UUID] = dict(connection.execute(_FIND_PINS).fetchall())
    numbered = _numbered_pins(connection, entries, keys)
    pins |= numbered
    titles = {title.id: title for title in _titles(connection, purpose, list(numbered.values()))}
    isbns, controls, barcodes = numbers_of(entries)
    copies = {copy.id: copy for copy in _copies(connection, purpose, barcodes)} if barcodes else {}
    if purpose.dry_run:
        _draw(connection, purpose, titles, copies, (isbns, controls, barcodes, list(keys)))
    if any(one.copies.count for one in entries):
        _count_copies(connection, titles)
    return Known(list(titles.values()), list(copies.values()), pins)


_FIND_PINS = """
SELECT e.key, pin.book_id FROM import_entries e CROSS JOIN LATERAL (
  SELECT book_id FROM import_pins WHERE match_key = e.key LIMIT 1) AS pin
 WHERE e.isbn IS NULL AND e.control IS NULL
"""
# LATERAL with a LIMIT leaves the planner no choice: from each record by an index to its title, however many there are.
_FIND_TITLES = sql.SQL(
    """
    WITH found AS MATERIALIZED (
      SELECT one.id FROM import_entries e CROSS JOIN LATERAL (
        SELECT b.id FROM books b WHERE b.isbn13 = e.isbn AND b.deleted_at IS NULL LIMIT 1) AS one
      UNION
      SELECT one.id FROM import_entries e CROSS JOIN LATERAL (
        SELECT b.id FROM books b WHERE b.control_number = e.control AND b.deleted_at IS NULL LIMIT 1) AS one
      UNION
      SELECT one.id FROM import_entries e CROSS JOIN LATERAL (
        SELECT pin.book_id AS id FROM import_pins pin WHERE pin.match_key = e.key LIMIT 1) AS one
       WHERE e.isbn IS NULL AND e.control IS NULL
      UNION
      SELECT pinned FROM unnest(%(pinned)s::uuid[]) AS pinned
      UNION
      SELECT alike.id FROM import_entries e CROSS JOIN LATERAL (
        SELECT b.id FROM books b
         WHERE {key} = e.key AND b.deleted_at IS NULL
           AND (e.isbn IS NULL OR b.isbn13 IS NULL) AND (e.control IS NULL OR b.control_number IS NULL)
         ORDER BY b.id LIMIT {candidates}) AS alike
    )
    SELECT title.*, met.yes IS NOT NULL
      FROM found CROSS JOIN LATERAL (
        SELECT b.id, b.version, {key}, {columns} FROM books b
         WHERE b.id = found.id AND b.deleted_at IS NULL LIMIT 1) AS title
      LEFT JOIN LATERAL (
        SELECT true AS yes FROM import_met met
         WHERE met.job_id = %(job)s AND met.thing_id = found.id LIMIT 1) AS met ON true
    """
).format(
    key=_KEY,
    columns=sql.SQL(", ").join(sql.SQL("b.{}").format(sql.Identifier(name)) for name in COLUMNS),
    candidates=sql.Literal(_CANDIDATES),
)


def _numbered_pins(connection: Connection, entries: Sequence[Described], keys: Sequence[Key]) -> dict[Key, UUID]:
    """The pins of records whose control number was another title's."""
    books = [(one.book, key) for one, key in zip(entries, keys, strict=True)]
    wanted = [pin_key(book, key) for book, key in books if book.control_number and not book.isbn13]
    if not wanted:
        return {}
    query = (
        "SELECT wanted, pin.book_id FROM unnest(%s::uuid[]) AS wanted CROSS JOIN LATERAL ("
        " SELECT book_id FROM import_pins WHERE match_key = wanted LIMIT 1) AS pin"
    )
    return dict(connection.execute(query, (wanted,)).fetchall())


def _titles(connection: Connection, purpose: Purpose, pinned: Sequence[UUID]) -> Iterator[Title]:
    told = {"job": purpose.job_id, "pinned": pinned}
    for book_id, version, key, *values, met in connection.execute(_FIND_TITLES, told):
        yield Title(book_id, _book(values), key, version, met)


def _book(values: Iterable[Any]) -> CatalogRecord:
    told: tuple[Any, ...] = tuple(tuple(value) if isinstance(value, list) else value for value in values)
    return CatalogRecord(*told)


def _copies(connection: Connection, purpose: Purpose, barcodes: Sequence[str]) -> Iterator[Held]:
    query = (
        "SELECT c.id, c.book_id, c.barcode, c.shelf_location, c.version, met.job_id IS NOT NULL"
        " FROM copies c LEFT JOIN import_met met ON met.job_id = %s AND met.thing_id = c.id"
        " WHERE c.barcode = ANY(%s) AND c.deleted_at IS NULL"
    )
    for row in connection.execute(query, (purpose.job_id, barcodes)):
        yield Held(*row)


def _count_copies(connection: Connection, titles: dict[UUID, Title]) -> None:
    query = "SELECT book_id, count(*) FROM copies WHERE book_id = ANY(%s) AND deleted_at IS NULL GROUP BY book_id"
    for book_id, number in connection.execute(query, (list(titles),)):
        titles[book_id].copies += number


# Writing


def write(
    connection: Connection, purpose: Purpose, titles: Iterable[Title], copies: Iterable[Held], pins: dict[Key, UUID]
) -> int:
    """What a batch came to; returns how many copies are new. Raises Overtaken, and psycopg's errors of lost races."""
    everything = list(titles)
    touched = [title for title in everything if title.is_new or title.changed or title.newly_met]
    held = [copy for copy in copies if copy.is_new or copy.changed or copy.newly_met]
    if purpose.dry_run:
        grown = {copy.book_id for copy in held if copy.is_new}
        _draft(
            connection,
            purpose,
            [*touched, *(one for one in everything if one.id in grown and one not in touched)],
            held,
        )
    else:
        _add_titles(connection, [title for title in touched if title.is_new])
        _change_titles(connection, [title for title in touched if title.changed and not title.is_new])
        new = [copy for copy in held if copy.is_new]
        _hold_titles(connection, {copy.book_id for copy in new} - {title.id for title in touched if title.is_new})
        # In the order of the desk: a copy, then (by a trigger, on adding, too) the status of its title.
        _move_copies(connection, [copy for copy in held if copy.changed and not copy.is_new])
        _add_copies(connection, new)
        _pin(connection, pins)
        _meet(
            connection,
            purpose,
            [*(one.id for one in touched if one.newly_met), *(one.id for one in held if one.newly_met)],
        )
    return sum(copy.is_new for copy in held)


def _add_titles(connection: Connection, titles: Sequence[Title]) -> None:
    if not titles:
        return
    statement = sql.SQL("COPY books (id, version, {}) FROM STDIN (FORMAT BINARY)").format(_BOOK_COLUMNS)
    _copy(connection, statement, _TYPES, ((title.id, 1, *_values(title.book)) for title in titles))


_told = attrgetter(*COLUMNS)
_LIST_PLACES = tuple(place for place, name in enumerate(COLUMNS) if name in _LISTS)


def _values(book: CatalogRecord) -> list[Any]:
    values = list(_told(book))
    for place in _LIST_PLACES:
        values[place] = list(values[place])
    return values


_CHANGE_TITLES = sql.SQL(
    "UPDATE books b SET version = b.version + 1, {assignments} FROM import_changes n"
    " WHERE b.id = n.id AND b.version = n.version AND b.deleted_at IS NULL"
).format(assignments=sql.SQL(", ").join(sql.SQL("{0} = n.{0}").format(sql.Identifier(name)) for name in COLUMNS))


def _change_titles(connection: Connection, titles: Sequence[Title]) -> None:
    if not titles:
        return
    statement = sql.SQL("COPY import_changes (id, version, {}) FROM STDIN (FORMAT BINARY)").format(_BOOK_COLUMNS)
    ordered = sorted(titles, key=lambda title: title.id)
    _copy(connection, statement, _TYPES, ((title.id, title.version, *_values(title.book)) for title in ordered))
    if connection.execute(_CHANGE_TITLES).rowcount != len(titles):
        raise Overtaken("a title was changed meanwhile")
    connection.execute("DELETE FROM import_changes")


def _hold_titles(connection: Connection, titles: Collection[UUID]) -> None:
    """Nobody deletes these titles until our copies of them are there. Raises Overtaken if somebody did."""
    if not titles:
        return
    query = "SELECT id FROM books WHERE id = ANY(%s) AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE"
    if len(connection.execute(query, (list(titles),)).fetchall()) != len(titles):
        raise Overtaken("a title was deleted meanwhile")


def _add_copies(connection: Connection, copies: Sequence[Held]) -> None:
    if not copies:
        return
    without = sum(copy.barcode is None for copy in copies)
    query = "SELECT nextval('import_barcode_seq') FROM generate_series(1, %s)"
    numbers = iter([number for (number,) in connection.execute(query, (without,))]) if without else iter(())
    rows = (
        (copy.id, copy.book_id, copy.barcode or item_barcode(next(numbers)), CopyStatus.AVAILABLE.value, copy.shelf)
        for copy in copies
    )
    statement = sql.SQL("COPY copies (id, book_id, barcode, status, shelf_location) FROM STDIN (FORMAT BINARY)")
    _copy(connection, statement, ("uuid", "uuid", "text", "text", "text"), rows)


def _move_copies(connection: Connection, copies: Sequence[Held]) -> None:
    if not copies:
        return
    query = (
        "UPDATE copies c SET shelf_location = n.shelf, version = c.version + 1"
        " FROM unnest(%s::uuid[], %s::int[], %s::text[]) AS n (id, version, shelf)"
        " WHERE c.id = n.id AND c.version = n.version AND c.deleted_at IS NULL"
    )
    told = ([copy.id for copy in copies], [copy.version for copy in copies], [copy.shelf for copy in copies])
    if connection.execute(query, told).rowcount != len(copies):
        raise Overtaken("a copy was changed meanwhile")


def _pin(connection: Connection, pins: dict[Key, UUID]) -> None:
    if pins:
        connection.execute(
            "INSERT INTO import_pins (match_key, book_id) SELECT * FROM unnest(%s::uuid[], %s::uuid[])"
            " ON CONFLICT (match_key) DO UPDATE SET book_id = excluded.book_id",
            (list(pins), list(pins.values())),
        )


def _meet(connection: Connection, purpose: Purpose, things: Sequence[UUID]) -> None:
    if things:
        statement = sql.SQL("COPY import_met (job_id, thing_id) FROM STDIN (FORMAT BINARY)")
        _copy(connection, statement, ("uuid", "uuid"), ((purpose.job_id, thing) for thing in things))


def _copy(
    connection: Connection, statement: sql.Composed | sql.SQL, types: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


# A dry run: what would be, kept beside the catalog


def _draft(connection: Connection, purpose: Purpose, titles: Sequence[Title], copies: Sequence[Held]) -> None:
    rows: list[tuple[Any, ...]] = [
        (
            purpose.job_id,
            title.id,
            title.book.isbn13,
            title.book.control_number,
            title.key,
            None,
            Jsonb(_drawn_title(title)),
        )
        for title in titles
    ]
    rows += [
        (purpose.job_id, copy.id, None, None, None, [copy.barcode] if copy.barcode else None, Jsonb(_drawn_copy(copy)))
        for copy in copies
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO import_met (job_id, thing_id, isbn13, control_number, match_key, barcodes, draft)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (job_id, thing_id) DO UPDATE SET isbn13 = excluded.isbn13, draft = excluded.draft,"
            " control_number = excluded.control_number, match_key = excluded.match_key, barcodes = excluded.barcodes",
            rows,
        )


def _drawn_title(title: Title) -> dict[str, Any]:
    return {"book": _values(title.book), "made": title.made}


def _drawn_copy(copy: Held) -> dict[str, Any]:
    return {"book_id": str(copy.book_id), "barcode": copy.barcode, "shelf": copy.shelf}


def _draw(
    connection: Connection,
    purpose: Purpose,
    titles: dict[UUID, Title],
    copies: dict[UUID, Held],
    wanted: tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[Key]],
) -> None:
    """Put in what earlier batches of this dry run would have written."""
    query = (
        "SELECT thing_id, match_key, draft FROM import_met WHERE job_id = %s AND draft IS NOT NULL AND"
        " (isbn13 = ANY(%s) OR control_number = ANY(%s) OR barcodes && %s::text[] OR match_key = ANY(%s)"
        " OR thing_id = ANY(%s))"
    )
    for thing, key, draft in connection.execute(query, (purpose.job_id, *wanted, [*titles, *copies])):
        if "book" in draft:
            version = titles[thing].version if thing in titles else 0
            titles[thing] = Title(thing, _book(draft["book"]), key, version, True, draft["made"], draft["made"])
        else:
            copies[thing] = Held(thing, UUID(draft["book_id"]), draft["barcode"], draft["shelf"], met=True)
