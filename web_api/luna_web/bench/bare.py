"""The limit that reads and writes are compared with: a bare FastAPI over the same database, with nothing around it.

Run with `uvicorn --factory luna_web.bench.bare:create_app`. It asks nobody who they are and writes no audit trail.
"""

from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from luna_web.bench.tables import BareTitle
from luna_web.book.models import Book
from luna_web.shared.config import get_settings
from luna_web.shared.database import make_engine, make_session_factory, transaction
from luna_web.shared.outbox import record_event


def create_app() -> FastAPI:
    """An app with one indexed query and one insert with its outbox row."""
    app, factory = FastAPI(), make_session_factory(make_engine(get_settings()))

    @app.get("/titles/{book_id}")
    def read(book_id: UUID) -> dict[str, Any]:
        with transaction(factory) as session:
            row = session.execute(select(Book.id, Book.title, Book.author, Book.isbn13).where(Book.id == book_id)).one()
        return {"id": row.id, "title": row.title, "author": row.author, "isbn": row.isbn13}

    @app.post("/titles")
    def write(body: dict[str, Any]) -> dict[str, Any]:
        with transaction(factory) as session:
            made = _insert(session, str(body["title"]))
        return {"id": made}

    return app


def _insert(session: Session, title: str) -> UUID:
    made = uuid4()
    session.execute(insert(BareTitle).values(id=made, title=title))
    record_event(
        session, type="bench.made", source="bench", aggregate=f"bench:{made}", aggregate_seq=1, payload={"title": title}
    )
    return made
