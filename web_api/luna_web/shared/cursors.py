"""Cursors of lists that grow all the time, newest first: new rows shift no page, and nothing is counted to reach it."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Query
from sqlalchemy import ColumnElement, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from luna_web.shared.errors import ValidationFailed
from luna_web.shared.paging import Page

T = TypeVar("T")
_HINT = "must be the `next` of an earlier answer's meta"
After = Annotated[str | None, Query(max_length=200, description="`meta.next` of the page before")]
"""The parameter of a list."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A row of a list, after which the next page begins."""

    at: datetime
    id: UUID

    def text(self) -> str:
        return base64.urlsafe_b64encode(f"{self.at.isoformat()} {self.id}".encode()).rstrip(b"=").decode()


def read_cursor(text: str) -> Cursor:
    """Raises ValidationFailed for what was never a cursor."""
    try:
        at, _, row_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(" ")
        cursor = Cursor(datetime.fromisoformat(at), UUID(row_id))
    except (ValueError, binascii.Error):
        raise ValidationFailed({"after": [_HINT]}) from None
    if cursor.at.tzinfo is None:
        raise ValidationFailed({"after": [_HINT]})
    return cursor


def behind(
    cursor: Cursor,
    at: InstrumentedAttribute[datetime],
    row_id: InstrumentedAttribute[UUID],
    *,
    newest_first: bool = True,
) -> ColumnElement[bool]:
    """What follows the cursor's row in a list by these two columns."""
    place, row = tuple_(at, row_id), tuple_(cursor.at, cursor.id)
    return place < row if newest_first else place > row


def next_cursor(page: Page[T], of: Callable[[T], Cursor]) -> str | None:
    """Where the next page begins; None on the last."""
    if not page.items or page.pagination.total <= page.pagination.page * page.pagination.limit:
        return None
    return of(page.items[-1]).text()
