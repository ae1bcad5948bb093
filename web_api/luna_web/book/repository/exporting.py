"""All titles, in batches by id: each a short statement of its own, so that a slow reader holds up nothing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from luna_web.book.models import Book, Copy, TitleStatus
from luna_web.book.repository.lists import planned
from luna_web.book.search import Question

BATCH = 1_000


def batch_after(session: Session, question: Question, last: UUID | None) -> Sequence[Any]:
    """The next thousand titles asked for as rows, with their copies' number and first shelf, in the order of ids."""
    shelf = select(func.min(Copy.shelf_location)).where(Copy.book_id == Book.id, Copy.deleted_at.is_(None))
    query = (
        select(
            Book.id,
            Book.title,
            Book.title_romanized,
            Book.author,
            Book.author_romanized,
            Book.isbn13,
            Book.isbns_other,
            Book.isbns_invalid,
            Book.control_number,
            Book.publisher,
            Book.publication_year,
            Book.language,
            Book.call_number,
            Book.description,
            Book.cover_image_url,
            TitleStatus.copies,
            TitleStatus.available,
            TitleStatus.status,
            shelf.correlate(Book).scalar_subquery().label("shelf_location"),
        )
        .join(TitleStatus, TitleStatus.book_id == Book.id)
        .where(*question.shape.conditions())
        .order_by(Book.id)
        .limit(BATCH)
    )
    session.execute(select(*planned()))
    return session.execute(query.where(Book.id > last) if last else query, question.values).all()
