"""What a batch needs to know of the catalog: every title, copy and pin that its records could be about."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from psycopg import sql

from luna_web.book.imports.domain import Described
from luna_web.book.imports.drafts import add_drafts
from luna_web.book.imports.merging import Held, Key, Known, Title, numbers_of, pin_key
from luna_web.book.imports.rows import COLUMNS, Connection, Purpose, book_of, copy_rows
from luna_web.book.marc import CatalogRecord

_CANDIDATES = 5
"""How many titles of one title, author and year are looked at; more are alike in everything that counts."""
_KEY = sql.SQL("luna_match_key(b.title, b.author, b.publication_year)")


def stage(connection: Connection, entries: Sequence[Described], keys: Sequence[Key]) -> None:
    """Lay a batch beside the catalog."""
    connection.execute("DELETE FROM import_entries")
    statement = sql.SQL("COPY import_entries (isbn, control, key) FROM STDIN (FORMAT BINARY)")
    books = (one.book for one in entries)
    rows = ((book.isbn13, book.control_number, key) for book, key in zip(books, keys, strict=True))
    copy_rows(connection, statement, ("text", "text", "uuid"), rows)


def key_of(connection: Connection, book: CatalogRecord) -> Key:
    """Title, author and year of one title as the catalog compares them."""
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
        add_drafts(connection, purpose, titles, copies, (isbns, controls, barcodes, list(keys)))
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
        yield Title(book_id, book_of(values), key, version, met)


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
