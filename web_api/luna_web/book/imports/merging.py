"""What a record means for the catalog: which title it is, and what of it changes. Pure: no database here.

**Which title.** The one with its ISBN-13; else the one with its control number, if it is called the same, since two
systems may give one number to different books; else one of the same title, author and year that has no other ISBN and
no other control number. A record without any number, or only with one that another title has, is remembered with the
title that it was taken for (`pins`).

**What changes.** The first record of a job that describes a title speaks for it: what it says replaces what the catalog
says, what it is silent about stays. Later records of the same job only fill what is empty. An ISBN is replaced only by
a record with the same control number and the same title, a control number never. Copies are added, never taken away.

Therefore importing a file again changes nothing: numbers never leave a title that a record of the file was taken for,
so that each record finds the same title again, and the first of them says again what it said.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from luna_web.book.imports.describing import MAX_SHELF
from luna_web.book.imports.domain import NO_WISH, CopyWish, Described, Remark
from luna_web.book.imports.fields import header_key
from luna_web.book.marc import CatalogRecord

Key = UUID
"""Title, author and year as they are compared (`luna_match_key`)."""
KeyOf = Callable[[CatalogRecord], Key]
_PLAIN = ("publisher", "publication_year", "description", "language", "call_number", "cover_image_url")
_LISTS = ("isbns_other", "isbns_invalid")
_PAIRS = (("title", "title_romanized"), ("author", "author_romanized"))


class Outcome(StrEnum):
    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(slots=True)
class Title:
    """A title as it stands, with so many `copies`, of which this job `made` some.

    `met`: a record of this job has spoken for it.
    """

    id: UUID
    book: CatalogRecord
    key: Key
    version: int = 0
    met: bool = False
    copies: int = 0
    made: int = 0
    is_new: bool = False
    changed: bool = False
    newly_met: bool = False


@dataclass(slots=True)
class Held:
    """A copy as it stands; `barcode` is None until one is made for it."""

    id: UUID
    book_id: UUID
    barcode: str | None
    shelf: str | None
    version: int = 0
    met: bool = False
    is_new: bool = False
    changed: bool = False
    newly_met: bool = False


@dataclass(slots=True)
class Known:
    """What the catalog has of all that a batch speaks of."""

    titles: Sequence[Title] = ()
    copies: Sequence[Held] = ()
    pins: dict[Key, UUID] = field(default_factory=dict)


class Shelf:
    """The titles that a batch of records is about, before and after. `new_id` gives ids that grow."""

    def __init__(self, known: Known, key_of: KeyOf, new_id: Callable[[], UUID], default_copies: int = 0) -> None:
        self._key_of = key_of
        self._new_id = new_id
        self._default_copies = default_copies
        self.titles: dict[UUID, Title] = {}
        self.copies: list[Held] = list(known.copies)
        self.pins: dict[Key, UUID] = dict(known.pins)
        self.new_pins: dict[Key, UUID] = {}
        self._by_isbn: dict[str, Title] = {}
        self._by_control: dict[str, Title] = {}
        self._by_key: defaultdict[Key, list[Title]] = defaultdict(list)
        self._by_barcode = {copy.barcode: copy for copy in known.copies if copy.barcode}
        for title in sorted(known.titles, key=lambda title: title.id):
            self._put(title)

    def take(self, described: Described, key: Key) -> tuple[Outcome, list[Remark]]:
        """Merge one record. The remarks tell of what was not taken."""
        book = described.book
        remarks: list[Remark] = []
        title = self._found(book, key)
        if title is None:
            title = self._added(book, key, remarks)
            outcome = Outcome.ADDED
        else:
            outcome = Outcome.UPDATED if self._merge(title, book, remarks) else Outcome.UNCHANGED
        self._meet(title, book, key)
        wish = described.copies
        if wish is NO_WISH and title.is_new and outcome is Outcome.ADDED and self._default_copies:
            wish = CopyWish(count=self._default_copies)
        if wish is not NO_WISH and self._hold(title, wish, remarks) and outcome is Outcome.UNCHANGED:
            outcome = Outcome.UPDATED
        return outcome, remarks

    # Which title

    def _found(self, book: CatalogRecord, key: Key) -> Title | None:
        if book.isbn13 and (title := self._by_isbn.get(book.isbn13)):
            return title
        if not book.isbn13 and (pinned := self.titles.get(self.pins.get(pin_key(book, key), _NOBODY))):
            return pinned
        numbered = self._by_control.get(book.control_number) if book.control_number else None
        if numbered and self._same_record(numbered, book):
            return numbered
        return next((title for title in self._by_key.get(key, ()) if _agree(title.book, book)), None)

    def _same_record(self, title: Title, book: CatalogRecord) -> bool:
        """Two systems may give one control number to different books; then their titles differ, too."""
        if title.met and book.isbn13 and title.book.isbn13:
            return False
        return header_key(title.book.title) == header_key(book.title)

    # What changes

    def _added(self, book: CatalogRecord, key: Key, remarks: list[Remark]) -> Title:
        if book.control_number in self._by_control:
            remarks.append(_number_taken(book))
            book = replace(book, control_number=None)
        title = Title(self._new_id(), book, key, is_new=True)
        self._put(title)
        return title

    def _merge(self, title: Title, book: CatalogRecord, remarks: list[Remark]) -> bool:
        changes = _filling(title.book, book) if title.met else _replacing(title.book, book)
        changes |= self._numbers(title, book, remarks)
        if not changes:
            return False
        self._remove(title)
        before, title.book = title.book, replace(title.book, **changes)
        if _keyed(before) != _keyed(title.book):
            title.key = self._key_of(title.book)
        title.changed = True
        self._put(title)
        return True

    def _numbers(self, title: Title, book: CatalogRecord, remarks: list[Remark]) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if book.isbn13 and book.isbn13 != title.book.isbn13:
            changes |= {"isbn13": book.isbn13, "isbn_given": book.isbn_given}
        if book.control_number and title.book.control_number is None:
            if book.control_number in self._by_control:
                remarks.append(_number_taken(book))
            else:
                changes["control_number"] = book.control_number
        return changes

    def _meet(self, title: Title, book: CatalogRecord, key: Key) -> None:
        if not title.met:
            title.met = title.newly_met = True
        if book.isbn13 or (book.control_number and book.control_number == title.book.control_number):
            return
        pin = pin_key(book, key)
        if self.pins.get(pin) != title.id:
            self.pins[pin] = self.new_pins[pin] = title.id

    # Copies

    def _hold(self, title: Title, wish: CopyWish, remarks: list[Remark]) -> bool:
        """Whether anything changed."""
        shelf = wish.shelf or (title.book.call_number or "")[:MAX_SHELF] or None
        changed = False
        for named in wish.named:
            changed |= self._hold_named(title, named.barcode, named.shelf, shelf, remarks)
        for _ in range(wish.count - title.copies):
            self._new_copy(title, None, shelf)
            changed = True
        return changed

    def _hold_named(
        self, title: Title, barcode: str, told: str | None, usual: str | None, remarks: list[Remark]
    ) -> bool:
        copy = self._by_barcode.get(barcode)
        if copy is None:
            self._by_barcode[barcode] = self._new_copy(title, barcode, told or usual)
            return True
        if copy.book_id != title.id:
            remarks.append(Remark("barcode", "belongs to a copy of another title; this copy was left out", barcode))
            return False
        moved = bool(told) and told != copy.shelf and not copy.met
        if moved:
            copy.shelf, copy.changed = told, True
        copy.newly_met = copy.newly_met or not copy.met
        copy.met = True
        return moved

    def _new_copy(self, title: Title, barcode: str | None, shelf: str | None) -> Held:
        copy = Held(self._new_id(), title.id, barcode, shelf, is_new=True, met=True, newly_met=barcode is not None)
        self.copies.append(copy)
        title.copies += 1
        title.made += 1
        return copy

    # Finding again

    def _put(self, title: Title) -> None:
        self.titles[title.id] = title
        if title.book.isbn13:
            self._by_isbn[title.book.isbn13] = title
        if title.book.control_number:
            self._by_control[title.book.control_number] = title
        same = self._by_key[title.key]
        same.append(title)
        same.sort(key=lambda one: one.id)

    def _remove(self, title: Title) -> None:
        if title.book.isbn13:
            del self._by_isbn[title.book.isbn13]
        self._by_key[title.key].remove(title)


_NOBODY = UUID(int=0)


def pin_key(book: CatalogRecord, key: Key) -> Key:
    """By what a record without an ISBN is remembered: its key, and its control number if it has one."""
    return uuid5(key, book.control_number) if book.control_number else key


def _agree(title: CatalogRecord, book: CatalogRecord) -> bool:
    """Neither has a number that the other has differently."""
    return not (title.isbn13 and book.isbn13) and not (title.control_number and book.control_number)


def _keyed(book: CatalogRecord) -> tuple[str, str | None, int | None]:
    return book.title, book.author, book.publication_year


def _number_taken(book: CatalogRecord) -> Remark:
    return Remark("control_number", "belongs to another title; it was left out", book.control_number)


def _replacing(old: CatalogRecord, new: CatalogRecord) -> dict[str, Any]:
    """What the record says and the title says differently. A transcription goes with what it transcribes."""
    changes: dict[str, Any] = {}
    for name in (*_PLAIN, *_LISTS):
        said = getattr(new, name)
        if said and said != getattr(old, name):
            changes[name] = said
    for name, romanized in _PAIRS:
        said, script = getattr(new, name), getattr(new, romanized)
        if said and said != getattr(old, name):
            changes |= {name: said, romanized: script}
        elif said and script and script != getattr(old, romanized):
            changes[romanized] = script
    return changes


def _filling(old: CatalogRecord, new: CatalogRecord) -> dict[str, Any]:
    """What the record says and the title is silent about."""
    changes: dict[str, Any] = {
        name: getattr(new, name) for name in (*_PAIRS[1][:1], *_PLAIN, *_LISTS)
        if getattr(new, name) and not getattr(old, name)
    }  # fmt: skip
    for name, romanized in _PAIRS:
        same = getattr(new, name) == changes.get(name, getattr(old, name))
        if same and getattr(new, romanized) and not getattr(old, romanized):
            changes[romanized] = getattr(new, romanized)
    return changes


def numbers_of(entries: Iterable[Described]) -> tuple[list[str], list[str], list[str]]:
    """(ISBNs, control numbers, barcodes) that these records speak of."""
    isbns, controls, barcodes = [], [], []
    for described in entries:
        if described.book.isbn13:
            isbns.append(described.book.isbn13)
        if described.book.control_number:
            controls.append(described.book.control_number)
        barcodes += [named.barcode for named in described.copies.named]
    return isbns, controls, barcodes
