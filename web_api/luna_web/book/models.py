"""Tables of the catalog."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Computed, ForeignKey, Text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, deferred, mapped_column

from luna_web.shared.database import Base
from luna_web.shared.models import Timestamps, UuidKey, Versioned

# An UPDATE returns `updated_at`, which a trigger sets, instead of a SELECT after it.
SAYS_WHAT_IT_BECAME = {"eager_defaults": True}


class Book(UuidKey, Timestamps, Versioned, Base):
    """A title. `title` is in the script of the book itself, `title_romanized` its Latin transcription if it has one."""

    __tablename__ = "books"
    __mapper_args__ = SAYS_WHAT_IT_BECAME

    title: Mapped[str]
    title_romanized: Mapped[str | None]
    author: Mapped[str | None]
    author_romanized: Mapped[str | None]
    isbn13: Mapped[str | None]
    isbn_given: Mapped[str | None]
    isbns_other: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    isbns_invalid: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    control_number: Mapped[str | None]
    publisher: Mapped[str | None]
    publication_year: Mapped[int | None]
    description: Mapped[str | None]
    cover_image_url: Mapped[str | None]
    language: Mapped[str | None]
    call_number: Mapped[str | None]
    deleted_at: Mapped[datetime | None]
    # Kept by the database; read only by its indexes.
    title_key: Mapped[str] = deferred(mapped_column(Computed("")))
    own_key: Mapped[str | None] = deferred(mapped_column(Computed("")))
    author_key: Mapped[str | None] = deferred(mapped_column(Computed("")))
    search: Mapped[Any] = deferred(mapped_column(TSVECTOR, Computed("")))


class Copy(UuidKey, Timestamps, Versioned, Base):
    """One thing on a shelf."""

    __tablename__ = "copies"
    __mapper_args__ = SAYS_WHAT_IT_BECAME

    book_id: Mapped[UUID] = mapped_column(ForeignKey("books.id"))
    barcode: Mapped[str]
    status: Mapped[str]
    status_reason: Mapped[str | None]
    shelf_location: Mapped[str | None]
    home_desk: Mapped[str | None]
    deleted_at: Mapped[datetime | None]


class TitleStatus(Base):
    """What the copies of a living title come to. Triggers keep it; it is there to be filtered by."""

    __tablename__ = "book_status"

    book_id: Mapped[UUID] = mapped_column(primary_key=True)
    copies: Mapped[int]
    available: Mapped[int]
    reserved: Mapped[int]
    checked_out: Mapped[int]
    status: Mapped[str] = mapped_column(Computed(""))


class SearchTerm(Base):
    """A word of some title, author or publisher. Triggers keep it; a word may stand here twice."""

    __tablename__ = "search_terms"

    term: Mapped[str] = mapped_column(primary_key=True)


class CatalogGeneration(Base):
    """How often titles and copies were changed, summed over its rows; triggers raise it."""

    __tablename__ = "catalog_generation"

    shard: Mapped[int] = mapped_column(primary_key=True)
    titles: Mapped[int] = mapped_column(BigInteger)
    copies: Mapped[int] = mapped_column(BigInteger)
