"""A catalog in memory: what the real one is compared with."""

from collections.abc import Sequence
from itertools import count
from uuid import UUID, uuid5

from luna_web.book.imports.domain import Described
from luna_web.book.imports.merging import Held, Known, Outcome, Shelf, Title
from luna_web.book.marc import CatalogRecord

SPACE = UUID(int=7)


def key_of(book: CatalogRecord) -> UUID:
    return uuid5(SPACE, repr((book.title.casefold(), (book.author or "").casefold(), book.publication_year)))


class Library:
    """Keeps what the database would keep between batches."""

    def __init__(self) -> None:
        self.titles: dict[UUID, Title] = {}
        self.copies: dict[UUID, Held] = {}
        self.pins: dict[UUID, UUID] = {}
        self.versions: dict[UUID, int] = {}
        self._numbers = count(1)

    def load(self, records: Sequence[Described], *, batch: int = 1000, default_copies: int = 0) -> list[Outcome]:
        """One job over these records."""
        met: set[UUID] = set()
        outcomes: list[Outcome] = []
        for start in range(0, len(records), batch):
            shelf = Shelf(self.known(met), key_of, self.new_id, default_copies)
            outcomes += [shelf.take(one, key_of(one.book))[0] for one in records[start : start + batch]]
            self.keep(shelf, met)
        return outcomes

    def known(self, met: set[UUID]) -> Known:
        titles = [
            Title(title.id, title.book, key_of(title.book), 1, title.id in met, self.count(title.id))
            for title in self.titles.values()
        ]
        copies = [Held(one.id, one.book_id, one.barcode, one.shelf, 1, one.id in met) for one in self.copies.values()]
        return Known(titles, copies, dict(self.pins))

    def count(self, book_id: UUID) -> int:
        return sum(copy.book_id == book_id for copy in self.copies.values())

    def keep(self, shelf: Shelf, met: set[UUID]) -> None:
        for title in shelf.titles.values():
            if title.is_new or title.changed:
                self.versions[title.id] = self.versions.get(title.id, 0) + 1
            self.titles[title.id] = title
            met |= {title.id} if title.met else set()
        for copy in shelf.copies:
            self.copies[copy.id] = copy
            met |= {copy.id} if copy.met else set()
        self.pins |= shelf.new_pins
        self.check()

    def check(self) -> None:
        """What the database's unique indexes hold."""
        for name in ("isbn13", "control_number"):
            values = [value for title in self.titles.values() if (value := getattr(title.book, name))]
            assert len(values) == len(set(values)), name
        barcodes = [copy.barcode for copy in self.copies.values() if copy.barcode]
        assert len(barcodes) == len(set(barcodes))

    def new_id(self) -> UUID:
        return UUID(int=next(self._numbers))

    def state(self) -> tuple[object, ...]:
        """All but the versions."""
        books = sorted((title.id, title.book) for title in self.titles.values())
        copies = sorted((copy.id, copy.book_id, copy.barcode or "", copy.shelf or "") for copy in self.copies.values())
        return books, copies

    def only(self) -> CatalogRecord:
        (title,) = self.titles.values()
        return title.book
