"""How fast files of each format are imported into the loaded catalog, and how much memory that takes."""

import psycopg

from luna_web.bench import copying, imports
from luna_web.bench.import_files import Titles
from luna_web.bench.sections import Bench, Cell, Section

LIMIT_SERIES = 999
"""Of the titles that measure the limit; those of the files come before it."""
COLUMNS = (
    "format", "records/s", "share of the bare COPY", "share of reading alone", "again, records/s",
    "reading alone, records/s", "peak MiB",
)  # fmt: skip


def measure(bench: Bench) -> Section:
    """Beside each rate two limits of the same run: what COPY alone reaches, and what reading alone does.

    The bare COPY fills a table with the catalog's indexes and nothing else; the other one the catalog itself.
    """
    owner = bench.settings.database_owner_url or bench.settings.database_url
    _take_away(owner)  # what a run that broke off left
    bench.tell("import: COPY alone")
    limit = copying.measure(owner, Titles(min(bench.records, imports.READ_ALONE), LIMIT_SERIES))
    found = imports.measure(bench.settings, bench.records, tell=lambda text: bench.tell(f"import: {text}"))
    bench.tell("import: taking the imported titles away, so that the next run finds the same catalog")
    _take_away(owner)
    copies: tuple[tuple[Cell, ...], ...] = (
        ("COPY alone, bare", round(limit.bare), 1.0, None, None, None, None),
        ("COPY alone, catalog", round(limit.catalog), round(limit.catalog / limit.bare, 2), None, None, None, None),
    )
    rows = tuple(
        (row.format, row.rate, round(row.rate / limit.bare, 2), row.share_of_reading, row.again, row.read_alone,
         row.peak_memory_mib)
        for row in found
    )  # fmt: skip
    return Section(f"Import, {bench.records:,} records a file", COLUMNS, (*copies, *rows))


def _take_away(owner: str) -> None:
    """Delete the titles of all files. Nobody deletes titles by thousands otherwise, so no index helps with it."""
    with psycopg.connect(owner.replace("postgresql+psycopg://", "postgresql://", 1), autocommit=True) as connection:
        connection.execute("CREATE INDEX IF NOT EXISTS bench_copies_idx ON copies (book_id)")
        connection.execute("DELETE FROM books WHERE control_number ~ '^b[0-9]{11}$'")
        connection.execute("DROP INDEX bench_copies_idx")
        connection.execute("VACUUM (ANALYZE) books, book_status")
