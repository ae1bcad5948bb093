"""Writing what a batch came to: sets of rows, no row by itself."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from psycopg import sql

from luna_web.book.barcodes import item_barcode
from luna_web.book.domain import CopyStatus
from luna_web.book.imports.drafts import keep_drafts
from luna_web.book.imports.merging import Held, Key, Title
from luna_web.book.imports.rows import BOOK_COLUMNS, COLUMNS, ROW_TYPES, Connection, Purpose, copy_rows, values_of


class Overtaken(Exception):
    """Somebody changed a row between our look and our write."""


def write(
    connection: Connection, purpose: Purpose, titles: Iterable[Title], copies: Iterable[Held], pins: dict[Key, UUID]
) -> int:
    """What a batch came to; returns how many copies are new. Raises Overtaken, and psycopg's errors of lost races."""
    touched = [title for title in titles if title.is_new or title.changed or title.newly_met or title.made]
    held = [copy for copy in copies if copy.is_new or copy.changed or copy.newly_met]
    if purpose.dry_run:
        keep_drafts(connection, purpose, touched, held)
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
    statement = sql.SQL("COPY books (id, version, {}) FROM STDIN (FORMAT BINARY)").format(BOOK_COLUMNS)
    copy_rows(connection, statement, ROW_TYPES, ((title.id, 1, *values_of(title.book)) for title in titles))


_CHANGE_TITLES = sql.SQL(
    "UPDATE books b SET version = b.version + 1, {assignments} FROM import_changes n"
    " WHERE b.id = n.id AND b.version = n.version AND b.deleted_at IS NULL"
).format(assignments=sql.SQL(", ").join(sql.SQL("{0} = n.{0}").format(sql.Identifier(name)) for name in COLUMNS))


def _change_titles(connection: Connection, titles: Sequence[Title]) -> None:
    if not titles:
        return
    statement = sql.SQL("COPY import_changes (id, version, {}) FROM STDIN (FORMAT BINARY)").format(BOOK_COLUMNS)
    ordered = sorted(titles, key=lambda title: title.id)
    copy_rows(
        connection, statement, ROW_TYPES, ((title.id, title.version, *values_of(title.book)) for title in ordered)
    )
    connection.execute("ANALYZE import_changes")  # else the planner may think it larger than the catalog
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
    copy_rows(connection, statement, ("uuid", "uuid", "text", "text", "text"), rows)


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
        copy_rows(connection, statement, ("uuid", "uuid"), ((purpose.job_id, thing) for thing in things))
