"""The limit: a bare FastAPI over the same database, with nothing around it.

Run with `uvicorn --factory luna_web.bench.api.bare:create_app`. A write is a row like a request and its event, in one
transaction; a read is one indexed query. It asks nobody who they are, checks nothing and keeps no history.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from luna_web.bench.api.tables import BareRequest
from luna_web.shared.config import get_settings
from luna_web.shared.database import make_engine, make_session_factory, transaction
from luna_web.shared.ids import new_id
from luna_web.shared.outbox import record_event

PAGE = 20
_SHOWN = (
    BareRequest.id, BareRequest.user_id, BareRequest.book_id, BareRequest.copy_id, BareRequest.book_title,
    BareRequest.request_location, BareRequest.priority, BareRequest.status, BareRequest.requested_at,
    BareRequest.version,
)  # fmt: skip


class Wish(BaseModel):
    book_id: UUID
    book_title: str
    request_location: str


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    user_id: UUID
    book_id: UUID
    copy_id: UUID
    book_title: str
    request_location: str
    priority: str
    status: str
    requested_at: datetime
    version: int


def create_app() -> FastAPI:
    """An app with one insert with its outbox row, one indexed query for a row and one for a page of them."""
    app, factory = FastAPI(), make_session_factory(make_engine(get_settings()))

    @app.post("/requests", status_code=201)
    def write(wish: Wish) -> Shown:
        with transaction(factory) as session:
            return _insert(session, wish)

    @app.get("/requests/{request_id}")
    def read(request_id: UUID) -> Shown:
        with transaction(factory) as session:
            row = session.execute(select(*_SHOWN).where(BareRequest.id == request_id)).one()
        return Shown.model_validate(row)

    @app.get("/requests")
    def page(status: str) -> list[Shown]:
        newest = (BareRequest.requested_at.desc().nulls_last(), BareRequest.id.desc().nulls_last())
        with transaction(factory) as session:
            rows: Sequence[object] = session.execute(
                select(*_SHOWN).where(BareRequest.status == status).order_by(*newest).limit(PAGE)
            ).all()
        return [Shown.model_validate(row) for row in rows]

    return app


def _insert(session: Session, wish: Wish) -> Shown:
    made = Shown(
        id=new_id(), user_id=new_id(), book_id=wish.book_id, copy_id=new_id(), book_title=wish.book_title,
        request_location=wish.request_location, priority="NORMAL", status="PENDING", requested_at=datetime.now(UTC),
        version=1,
    )  # fmt: skip
    session.execute(insert(BareRequest).values(waypoint_id=wish.book_id, needs_attention=False, **made.model_dump()))
    payload = made.model_dump(mode="json")
    record_event(
        session, type="bench.request.created", source="bench", aggregate=f"bench:{made.id}", aggregate_seq=1,
        payload=payload,
    )  # fmt: skip
    return made
