"""Choose the seed catalog from a file of MARC 21 records: `python -m catalog_seed RECORDS.mrc > titles.jsonl`.

Kept are records that make a title fit for a shelf: short enough to read, with author, publisher, year and call number.
Among them all in a script of their own and all with a summary come first, then by a hash of the control number, so
that the choice is the same each time and leans to nothing; a share without ISBN stays, as in any real catalog.
"""

import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from pymarc import MARCReader

from luna_web.book.marc import CatalogRecord, catalog_record

WANTED = 3_000
MAX_TITLE = 140
MAX_DESCRIPTION = 600
UNREADABLE = ("[", "...", " / ", "\u3013")
"""Cataloguers' brackets and omissions, a statement of responsibility that slipped in, a character nobody could type."""


def titles(path: Path) -> Iterator[CatalogRecord]:
    """Every title of a file of UTF-8 records; what cannot be read is left out."""
    with path.open("rb") as source:
        for record in MARCReader(source, to_unicode=True, force_utf8=True):
            title = catalog_record(record) if record is not None else None
            if title is not None:
                yield title


def fit_for_a_shelf(title: CatalogRecord) -> bool:
    complete = title.author and title.publisher and title.publication_year and title.call_number
    readable = 2 <= len(title.title) <= MAX_TITLE and not any(mark in title.title for mark in UNREADABLE)
    short = len(title.description or "") <= MAX_DESCRIPTION
    return bool(complete and readable and short and title.control_number)


def preference(title: CatalogRecord) -> tuple[bool, bool, int]:
    return (title.title_romanized is None, title.description is None, zlib.crc32((title.control_number or "").encode()))


def chosen(found: Iterator[CatalogRecord]) -> list[CatalogRecord]:
    """The seed, in the order of control numbers; an ISBN that two records claim is the first one's."""
    first: dict[str, CatalogRecord] = {}
    wished = sorted(filter(fit_for_a_shelf, found), key=preference)
    kept = [title for title in wished if title.isbn13 is None or first.setdefault(title.isbn13, title) is title]
    return sorted(kept[:WANTED], key=lambda title: title.control_number or "")


def write(seed: list[CatalogRecord], sink: TextIO) -> None:
    """One JSON object a line, without what is empty."""
    for title in seed:
        row = {key: value for key, value in asdict(title).items() if value}
        sink.write(json.dumps(row, ensure_ascii=False, separators=(",", ":"), sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    write(chosen(titles(Path(sys.argv[1]))), sys.stdout)
