"""Copies as a librarian adds, changes and removes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.book import events
from luna_web.book.barcodes import item_barcode
from luna_web.book.domain import BY_HAND, IN_USE, CopyStatus
from luna_web.book.errors import BarcodeTaken, BookInUse, BookNotFound, CopyNotFound
from luna_web.book.models import Copy
from luna_web.book.repository import copies as rows
from luna_web.book.repository import titles
from luna_web.book.schemas import CopyChange, CopyOut, DeletedOut, NewCopy
from luna_web.book.service.cataloguing import Cataloguer
from luna_web.book.service.lending import found
from luna_web.book.service.views import shown_copy
from luna_web.shared.changes import changed, check_version, unique
from luna_web.shared.errors import IllegalTransition
from luna_web.shared.etags import IfMatch
from luna_web.shared.ids import new_id

BARCODE_KEY = "copies_barcode_key"


def of_title(session: Session, book_id: UUID) -> list[CopyOut]:
    """The living copies of a title, by barcode. Raises BookNotFound."""
    if titles.get_book(session, book_id) is None:
        raise BookNotFound()
    return [shown_copy(copy) for copy in rows.list_copies(session, book_id)]


def add(desk: Cataloguer, book_id: UUID, wish: NewCopy) -> CopyOut:
    """One more copy of a title. Raises BookNotFound, BarcodeTaken."""
    if titles.lock_book(desk.session, book_id) is None:
        raise BookNotFound()
    barcode = wish.barcode or fresh_barcodes(desk.session, 1)[0]
    copy = _copy(book_id, barcode, wish.shelf_location, wish.home_desk)
    copy.status, copy.status_reason = CopyStatus(wish.status), wish.status_reason
    insert(desk, [copy])
    return shown_copy(copy)


def new_copies(session: Session, book_id: UUID, count: int, shelf: str | None, home_desk: str | None) -> list[Copy]:
    """So many free copies of a title, with fresh barcodes, to be inserted."""
    barcodes = fresh_barcodes(session, count) if count else ()
    return [_copy(book_id, barcode, shelf, home_desk) for barcode in barcodes]


def _copy(book_id: UUID, barcode: str, shelf: str | None, home_desk: str | None) -> Copy:
    return Copy(
        id=new_id(),
        book_id=book_id,
        barcode=barcode,
        status=CopyStatus.AVAILABLE,
        shelf_location=shelf,
        home_desk=home_desk,
        version=1,
    )


def insert(desk: Cataloguer, added: Sequence[Copy]) -> None:
    """Insert new copies with all else that waits to be. Raises BarcodeTaken."""
    desk.session.add_all(added)
    for copy in added:
        events.copy_event(desk.session, copy, "copy_added")
        desk.audit("copy.create", "copy", copy.id, {"book_id": copy.book_id, "barcode": copy.barcode})
    _flush(desk.session)


def fresh_barcodes(session: Session, count: int) -> Sequence[str]:
    """So many barcodes that no living copy carries; no two calls get the same."""
    fresh: list[str] = []
    while len(fresh) < count:
        drawn = [item_barcode(number) for number in rows.next_item_numbers(session, count - len(fresh))]
        taken = rows.barcodes_taken(session, drawn)
        fresh += [barcode for barcode in drawn if barcode not in taken]
    return fresh


def change(desk: Cataloguer, book_id: UUID, copy_id: UUID, wish: CopyChange, if_match: IfMatch | None) -> CopyOut:
    """Change what was sent; a status only from AVAILABLE to UNAVAILABLE and back, or to another reason.

    Raises CopyNotFound, PreconditionFailed, BarcodeTaken, BookInUse, IllegalTransition.
    """
    copy = _locked(desk.session, book_id, copy_id)
    check_version(if_match, copy.version)
    before, values = copy.status, wish.model_dump(exclude_unset=True, exclude={"status", "status_reason"})
    if wish.status is not None:
        values |= _by_hand(desk, copy, wish)
    differences = changed(copy, values)
    if differences:
        copy.version += 1
        _flush(desk.session)
        _tell(desk, copy, before, differences)
    return shown_copy(copy)


def _by_hand(desk: Cataloguer, copy: Copy, wish: CopyChange) -> dict[str, Any]:
    """The columns of a status that somebody gives a copy at the shelf."""
    current = CopyStatus(copy.status)
    if wish.status is current and wish.status_reason == copy.status_reason:
        return {}
    check_free(desk, [copy])
    if wish.status not in BY_HAND[current]:
        raise IllegalTransition("copy", current, str(wish.status), tuple(sorted(BY_HAND[current])))
    return {"status": wish.status, "status_reason": wish.status_reason}


def _tell(desk: Cataloguer, copy: Copy, before: str, differences: dict[str, Any]) -> None:
    if {"status", "status_reason"} & set(differences):
        events.copy_status_changed(desk.session, copy, before)
    else:
        events.copy_event(desk.session, copy, "copy_updated")
    desk.audit("copy.update", "copy", copy.id, differences)


def delete(desk: Cataloguer, book_id: UUID, copy_id: UUID, now: datetime, if_match: IfMatch | None) -> DeletedOut:
    """Take one copy out of the catalog. Raises CopyNotFound, BookInUse, PreconditionFailed."""
    copy = _locked(desk.session, book_id, copy_id)
    check_version(if_match, copy.version)
    check_free(desk, [copy])
    retire(desk.session, copy, now)
    desk.audit("copy.delete", "copy", copy.id, {"book_id": book_id, "barcode": copy.barcode})
    return DeletedOut(id=copy.id, deleted_at=now)


def retire(session: Session, copy: Copy, now: datetime) -> None:
    """Soft-delete a locked, free copy; its barcode may be given again."""
    copy.deleted_at = now
    copy.version += 1
    session.flush()
    events.copy_event(session, copy, "copy_removed")


def check_free(desk: Cataloguer, held: Sequence[Copy]) -> None:
    """BookInUse unless all of these locked copies are on the shelf or known to be off it."""
    engaged = desk.circulation.engaged(desk.session, [copy.id for copy in held])
    used = [copy.barcode for copy in held if CopyStatus(copy.status) in IN_USE or copy.id in engaged]
    if used:
        raise BookInUse(used)


def _locked(session: Session, book_id: UUID, copy_id: UUID) -> Copy:
    copy = found(rows.lock_copy(session, copy_id))
    if copy.book_id != book_id:
        raise CopyNotFound()
    return copy


def _flush(session: Session) -> None:
    with unique(BARCODE_KEY, BarcodeTaken):
        session.flush()
