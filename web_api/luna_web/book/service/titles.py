"""Titles as a librarian makes, changes and removes them. Who changes a title and its copies locks the title first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.book import events
from luna_web.book.errors import BookNotFound, IsbnTaken
from luna_web.book.models import Book
from luna_web.book.repository import copies as copy_rows
from luna_web.book.repository import titles as rows
from luna_web.book.schemas import BookOut, DeletedOut, NewTitle, TitleChange, TitleFields
from luna_web.book.service import copies
from luna_web.book.service.cataloguing import Cataloguer
from luna_web.book.service.reading import checked_isbn, found
from luna_web.book.service.views import held_by, shown
from luna_web.shared.changes import changed, check_version, unique
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.etags import IfMatch
from luna_web.shared.ids import new_id

ISBN_KEY = "books_isbn13_key"


def create(desk: Cataloguer, wish: NewTitle) -> BookOut:
    """A title with its copies, in one transaction. Raises IsbnInvalid, IsbnTaken, ValidationFailed."""
    values = _with_others(_values(wish, TitleFields), None, [])
    book = Book(id=new_id(), version=1, isbns_invalid=[], title=wish.title, **values)
    _check_isbn_is_free(desk.session, book)
    new = copies.new_copies(desk.session, book.id, wish.copies, wish.shelf_location, wish.home_desk)
    desk.session.add(book)
    _flush(desk.session)
    # From here on all at once: rows of a table go to the database together.
    events.title_event(desk.session, book, "created")
    desk.audit("book.create", "book", book.id, wish.model_dump(exclude_none=True, exclude_unset=True))
    copies.insert(desk, new)
    return shown(book, held_by(new))


def change(desk: Cataloguer, book_id: UUID, wish: TitleChange, if_match: IfMatch | None) -> BookOut:
    """Change what was sent. What makes no difference raises no version.

    Raises BookNotFound, PreconditionFailed, IsbnInvalid, IsbnTaken, ValidationFailed.
    """
    book = _locked(desk.session, book_id)
    check_version(if_match, book.version)
    differences = changed(book, _with_others(_values(wish, TitleChange), book.isbn13, book.isbns_other))
    if differences:
        if "isbn13" in differences:
            _check_isbn_is_free(desk.session, book)
        book.version += 1
        _flush(desk.session)
        events.title_event(desk.session, book, "updated")
        desk.audit("book.update", "book", book.id, differences)
    return found(rows.title_by_id(desk.session, book_id))


def delete(desk: Cataloguer, book_id: UUID, now: datetime, if_match: IfMatch | None) -> DeletedOut:
    """Take a title and its copies out of the catalog; their rows stay for those who ever lent them.

    Raises BookInUse while a reader, a request or a robot has a copy, BookNotFound, PreconditionFailed.
    """
    book = _locked(desk.session, book_id)
    check_version(if_match, book.version)
    held = copy_rows.lock_copies(desk.session, book_id)
    copies.check_free(desk, held)
    for copy in held:
        copies.retire(desk.session, copy, now)
    book.deleted_at = now
    book.version += 1
    desk.session.flush()
    events.title_event(desk.session, book, "deleted")
    desk.audit("book.delete", "book", book.id, {"title": book.title, "copies": [copy.barcode for copy in held]})
    return DeletedOut(id=book.id, deleted_at=now)


def _locked(session: Session, book_id: UUID) -> Book:
    book = rows.lock_book(session, book_id)
    if book is None:
        raise BookNotFound()
    return book


def _values(wish: TitleFields, described: type[TitleFields]) -> dict[str, Any]:
    """The columns that a wish sets, ISBNs as 13 digits and the first also as it was written. Raises IsbnInvalid."""
    values = wish.model_dump(include=set(described.model_fields), exclude_unset=True)
    if "isbn" in values:
        given = values.pop("isbn")
        values |= {"isbn_given": given, "isbn13": checked_isbn(given) if given else None}
    if "isbns_other" in values:
        values["isbns_other"] = [checked_isbn(given) for given in values["isbns_other"] or ()]
    return values


def _with_others(values: dict[str, Any], isbn13: str | None, others: Sequence[str]) -> dict[str, Any]:
    """The same with the further ISBNs that the title then has: each once, none that is its own.

    Raises ValidationFailed if it has some without having one of its own, which a file of the catalog could not say.
    """
    own = values.get("isbn13", isbn13)
    kept = [one for one in dict.fromkeys(values.get("isbns_other", others)) if one != own]
    if kept and own is None:
        raise ValidationFailed({"isbns_other": ["stand beside isbn, which is empty: send the first of them as isbn"]})
    return {**values, "isbns_other": kept}


def _check_isbn_is_free(session: Session, book: Book) -> None:
    """IsbnTaken, naming the title that has it; the index decides races."""
    with session.no_autoflush:
        other = rows.get_book_by_isbn(session, book.isbn13) if book.isbn13 else None
    if other is not None and other.id != book.id:
        raise IsbnTaken(other.id)


def _flush(session: Session) -> None:
    with unique(ISBN_KEY, lambda: IsbnTaken(None)):
        session.flush()
