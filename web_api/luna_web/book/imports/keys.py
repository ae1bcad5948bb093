"""Title, author and year as the catalog compares them (`luna_match_key`), made here where that is plain.

The database makes each key that is stored, in an index, and can make any. For a batch of records that takes it three
times as long as it takes this process, which has little else to do then.
"""

import re
from collections.abc import Sequence
from hashlib import md5
from uuid import UUID

from luna_web.book.imports.merging import Key
from luna_web.book.imports.rows import Connection
from luna_web.book.marc import CatalogRecord

_PLAIN_LETTERS = 0x250
"""ASCII and the Latin blocks up to Extended-B: nothing there means something else beside another letter."""
_UNKNOWN = "\uffff"
_NOT_COMPARED = re.compile("[^a-z0-9]")


class MatchKeys:
    """`letters`: what of a letter is compared. Letters that are not among them are the database's."""

    def __init__(self, letters: dict[int, str]) -> None:
        self._letters = letters

    @classmethod
    def of(cls, connection: Connection) -> "MatchKeys":
        """With the letters as this database folds them, under its locale and with its rules."""
        rows = connection.execute(
            "SELECT code, lower(public.unaccent('public.unaccent'::regdictionary, chr(code)))"
            " FROM generate_series(1, %s) AS code",
            (_PLAIN_LETTERS - 1,),
        )
        return cls({code: _compared(folded) for code, folded in rows})

    def of_all(self, connection: Connection, books: Sequence[CatalogRecord]) -> list[Key]:
        """The keys of these titles, in their order."""
        keys = [self._plain(book) for book in books]
        places = [place for place, key in enumerate(keys) if key is None]
        for place, key in zip(places, _asked(connection, [books[place] for place in places]), strict=True):
            keys[place] = key
        return keys  # type: ignore[return-value]  # none is None any more

    def _plain(self, book: CatalogRecord) -> Key | None:
        title, author = book.title.translate(self._letters), (book.author or "").translate(self._letters)
        if not (title.isascii() and author.isascii()):
            return None
        year = "" if book.publication_year is None else book.publication_year
        compared = f"{title or book.title}|{author}|{year}"
        return UUID(bytes=md5(compared.encode(), usedforsecurity=False).digest())


def _compared(folded: str) -> str:
    return _NOT_COMPARED.sub("", folded) if folded.isascii() else _UNKNOWN


def _asked(connection: Connection, books: Sequence[CatalogRecord]) -> list[Key]:
    if not books:
        return []
    query = (
        "SELECT luna_match_key(title, author, year)"
        " FROM unnest(%s::text[], %s::text[], %s::int[]) WITH ORDINALITY AS asked (title, author, year, place)"
        " ORDER BY place"
    )
    told = ([one.title for one in books], [one.author for one in books], [one.publication_year for one in books])
    return [key for (key,) in connection.execute(query, told)]
