"""What clients see of the catalog and what they send."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from luna_web.book.domain import BookStatus, CopyStatus, StatusReason
from luna_web.shared.fields import Input, Output, storable

MOST_COPIES_AT_ONCE = 100
MOST_ISBNS = 50
"""Further ISBNs that a client may give a title."""
_SPACES = re.compile(r"\s+")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def one_line(value: str) -> str:
    """Composed Unicode, single spaces, no control or direction marks; something must be left."""
    tidy = _SPACES.sub(" ", _UNSEEN.sub("", unicodedata.normalize("NFC", value))).strip()
    if not tidy:
        raise ValueError("must not be empty")
    return tidy


def composed(value: str) -> str:
    return unicodedata.normalize("NFC", value)


def web_address(value: str) -> str:
    """An address that a browser may load a picture from, and nothing that it would run."""
    try:
        parts = urlsplit(value)
        right = bool(parts.hostname) and parts.scheme in ("http", "https") and parts.username is None
    except ValueError:
        right = False
    if not right:
        raise ValueError("must be an address that begins with http:// or https://, without a user name")
    if any(char.isspace() or not char.isprintable() for char in value):
        raise ValueError("must not contain spaces or control characters")
    return value


def line(longest: int) -> Callable[[str], str]:
    """The check of a text of one line. Bounded once more: composing can lengthen a text of some scripts."""

    def checked(value: str) -> str:
        return at_most(longest)(one_line(storable(value)))

    return checked


def at_most(longest: int) -> Callable[[str], str]:
    def bounded(value: str) -> str:
        if len(value) > longest:
            raise ValueError(f"must have at most {longest} characters")
        return value

    return bounded


TitleText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000), AfterValidator(line(1000))]
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(line(500))]
IsbnText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(line(64))]
Shelf = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), AfterValidator(line(100))]
Desk = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(line(64))]
Url = Annotated[str, StringConstraints(max_length=2000), AfterValidator(storable), AfterValidator(web_address)]
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=20_000),
    AfterValidator(storable),
    AfterValidator(composed),
    AfterValidator(at_most(20_000)),
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$"), Field(description="Three letters, ISO 639-2/B")]
Year = Annotated[int, Field(ge=0, le=9999, strict=True)]
Barcode = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9-]{3,32}$")]


class TitleFields(Input):
    """What describes a title, as a client may send it."""

    author: PersonName | None = None
    title_romanized: TitleText | None = Field(None, description="The title in Latin letters, if it is in others")
    author_romanized: PersonName | None = None
    isbn: IsbnText | None = Field(None, description="ISBN-10 or ISBN-13, with or without hyphens")
    isbns_other: Annotated[list[IsbnText], Field(max_length=MOST_ISBNS)] | None = Field(
        None, description="Further ISBNs of the same title, such as that of its paperback; each in any spelling"
    )
    publisher: PersonName | None = None
    publication_year: Year | None = None
    description: Description | None = None
    cover_image_url: Url | None = None
    language: Language | None = None
    call_number: Shelf | None = None


class NewTitle(TitleFields):
    """A title with so many copies, which stand at `shelf_location`."""

    title: TitleText
    shelf_location: Shelf | None = None
    home_desk: Desk | None = None
    copies: Annotated[int, Field(ge=0, le=MOST_COPIES_AT_ONCE, strict=True)] = 1


class TitleChange(TitleFields):
    """What is absent stays; null empties it."""

    title: TitleText | None = None

    @model_validator(mode="after")
    def _has_title(self) -> Self:
        if "title" in self.model_fields_set and self.title is None:
            raise ValueError("title: a book cannot be without one")
        return self


class ShelfStatus(StrEnum):
    """What a librarian may make of a copy by hand; loans, requests and robots see to the rest."""

    AVAILABLE = "AVAILABLE"
    UNAVAILABLE = "UNAVAILABLE"


class NewCopy(Input):
    """A copy; without a barcode it gets a fresh one."""

    barcode: Barcode | None = None
    shelf_location: Shelf | None = None
    home_desk: Desk | None = None
    status: ShelfStatus = ShelfStatus.AVAILABLE
    status_reason: StatusReason | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.status is ShelfStatus.UNAVAILABLE) != (self.status_reason is not None):
            raise ValueError("status_reason: belongs to UNAVAILABLE, and only to it")
        return self


class CopyChange(Input):
    """What is absent stays. A status is any of a copy's; which one may follow is the service's rule."""

    barcode: Barcode | None = None
    shelf_location: Shelf | None = None
    home_desk: Desk | None = None
    status: CopyStatus | None = None
    status_reason: StatusReason | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.status is CopyStatus.UNAVAILABLE and self.status_reason is None:
            raise ValueError("status_reason: must say why the copy is UNAVAILABLE")
        if self.status is not CopyStatus.UNAVAILABLE and self.status_reason is not None:
            raise ValueError("status_reason: belongs to the status UNAVAILABLE")
        if "barcode" in self.model_fields_set and self.barcode is None:
            raise ValueError("barcode: a copy cannot be without one")
        return self


@dataclass(frozen=True, slots=True)
class BookOut:
    """A title with what its copies come to at this moment."""

    id: UUID
    title: str
    title_romanized: str | None
    author: str | None
    author_romanized: str | None
    isbn: str | None
    isbns_other: list[str]
    publisher: str | None
    publication_year: int | None
    description: str | None
    cover_image_url: str | None
    language: str | None
    call_number: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    status: BookStatus
    shelf_location: str | None
    copies_total: int
    copies_available: int


class AvailabilityOut(Output):
    book_id: UUID
    status: BookStatus
    copies_total: int
    copies_available: int
    next_due_at: datetime | None = Field(description="When the next lent copy is due; null if none is lent")
    queue_length: int = Field(description="Readers who wait for a copy")


class CopyOut(Output):
    id: UUID
    book_id: UUID
    barcode: str
    status: CopyStatus
    status_reason: StatusReason | None
    shelf_location: str | None
    home_desk: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class SuggestionKind(StrEnum):
    TITLE = "TITLE"
    AUTHOR = "AUTHOR"


class SuggestionOut(Output):
    """One completion; `book_id` is set where it is a title."""

    kind: SuggestionKind
    text: str
    book_id: UUID | None = None


class BookBrief(Output):
    id: UUID
    title: str
    author: str | None
    created_at: datetime


class RequestedOut(BookBrief):
    requests: int


class StatsOut(Output):
    """Figures of the whole catalog, at most a minute old."""

    titles_total: int
    titles_by_status: dict[BookStatus, int]
    copies_total: int
    copies_by_status: dict[CopyStatus, int]
    newest: list[BookBrief]
    most_requested: list[RequestedOut] = Field(description="Of the last 90 days")


class DeletedOut(Output):
    id: UUID
    deleted_at: datetime
