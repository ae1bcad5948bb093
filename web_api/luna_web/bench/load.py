"""Loads a made catalog by COPY. Everything that the database keeps by itself is kept as on any other day."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from uuid import UUID

import psycopg

from luna_web.bench.titles import MadeTitle, Maker
from luna_web.book.barcodes import item_barcode
from luna_web.book.domain import CopyStatus, StatusReason

BATCH = 20_000
FIRST_ITEM = 10_000_000
_BOOKS = (
    "COPY books (id, title, title_romanized, author, author_romanized, isbn13, control_number, publisher,"
    " publication_year, description, language, call_number) FROM STDIN"
)
_COPIES = "COPY copies (id, book_id, barcode, status, status_reason, shelf_location, home_desk) FROM STDIN"
STATUS_EVERY = ((200, CopyStatus.UNAVAILABLE), (50, CopyStatus.RESERVED), (15, CopyStatus.CHECKED_OUT))
"""Of every so many copies one has this status; the rest are on the shelf."""
Row = tuple[object, ...]


def load(database_url: str, maker: Maker, count: int, progress: Callable[[int], None]) -> None:
    """Put so many titles and their copies on the shelves, 20,000 a transaction; `progress` hears the titles so far."""
    with psycopg.connect(database_url, options="-c synchronous_commit=off") as connection:
        items = _Items()
        for number, titles in enumerate(_batches(maker.titles(count)), start=1):
            _copy(connection, _BOOKS, [_book(title) for title in titles])
            _copy(connection, _COPIES, [copy for title in titles for copy in items.of(title)])
            connection.commit()
            progress(min(number * BATCH, count))
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute("SELECT learn_search_terms()").fetchone() == (True,):
            pass
        connection.execute("VACUUM (ANALYZE) books, copies, book_status, search_terms")


def _batches(titles: Iterator[MadeTitle]) -> Iterator[Sequence[MadeTitle]]:
    while batch := list(islice(titles, BATCH)):
        yield batch


def _copy(connection: psycopg.Connection[Row], statement: str, rows: Sequence[Row]) -> None:
    with connection.cursor().copy(statement) as sink:
        for row in rows:
            sink.write_row(row)


def _book(title: MadeTitle) -> Row:
    return (
        title.id, title.title, title.title_romanized, title.author, title.author_romanized, title.isbn13,
        title.control_number, title.publisher, title.publication_year, title.description, title.language,
        title.call_number,
    )  # fmt: skip


class _Items:
    """Numbers the copies of all titles."""

    def __init__(self) -> None:
        self._last = 0

    def of(self, title: MadeTitle) -> Iterator[Row]:
        for number in range(title.copies):
            self._last += 1
            status = next((status for every, status in STATUS_EVERY if self._last % every == 0), CopyStatus.AVAILABLE)
            reason = StatusReason.LOST if status is CopyStatus.UNAVAILABLE else None
            copy_id = UUID(int=title.id.int ^ (number + 1))
            barcode = item_barcode(FIRST_ITEM + self._last)
            yield copy_id, title.id, barcode, status, reason, title.call_number, "DESK-1"
