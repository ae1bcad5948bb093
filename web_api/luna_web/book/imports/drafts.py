"""A dry run: what would be, kept beside the catalog, so that its later batches know of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from luna_web.book.imports.merging import Held, Key, Title
from luna_web.book.imports.rows import Connection, Purpose, book_of, values_of


def keep_drafts(connection: Connection, purpose: Purpose, titles: Sequence[Title], copies: Sequence[Held]) -> None:
    """Remember what a batch of a dry run would have written."""
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
    return {"book": values_of(title.book), "made": title.made}


def _drawn_copy(copy: Held) -> dict[str, Any]:
    return {"book_id": str(copy.book_id), "barcode": copy.barcode, "shelf": copy.shelf}


def add_drafts(
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
            titles[thing] = Title(thing, book_of(draft["book"]), key, version, True, draft["made"], draft["made"])
        else:
            copies[thing] = Held(thing, UUID(draft["book_id"]), draft["barcode"], draft["shelf"], met=True)
