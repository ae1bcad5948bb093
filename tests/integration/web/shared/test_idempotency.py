"""Idempotency-Key: the same POST twice has one effect and one answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import Annotated
from uuid import UUID

import pytest
from fastapi import FastAPI, Query, Request
from pydantic import BaseModel
from sqlalchemy import func, select, update
from starlette.responses import Response

from luna_web.shared.app import make_app
from luna_web.shared.audit import audit
from luna_web.shared.database import transaction
from luna_web.shared.envelope import created
from luna_web.shared.errors import NotFound
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.ids import new_id
from luna_web.shared.models import AuditLog, IdempotencyKey
from luna_web.shared.principal import Role, any_user
from luna_web.shared.routing import LunaRouter
from luna_web.shared.runtime import Runtime, Service
from luna_web.shared.transactions import DbSession
from tests.integration.in_process import make_client
from tests.integration.world import Api, People, data, refused


class NoteIn(BaseModel):
    text: str


class NoteOut(BaseModel):
    id: UUID
    text: str


@pytest.fixture
def gate() -> Event:
    """Closed, it holds every note in the middle of its making."""
    gate = Event()
    gate.set()
    return gate


@pytest.fixture
def entered() -> Event:
    """Set once a note is being made."""
    return Event()


@pytest.fixture
def app(runtime: Runtime, gate: Event, entered: Event) -> FastAPI:
    """A service whose one effect is a row of the audit trail."""
    router = LunaRouter(prefix="/api/v1/notes")

    @router.post("", rule=any_user, data=NoteOut, status=201, idempotent=True)
    def write(
        body: NoteIn,
        session: DbSession,
        principal: CurrentPrincipal,
        request: Request,
        fail: Annotated[bool, Query()] = False,
    ) -> Response:
        note = NoteOut(id=new_id(), text=body.text)
        audit(session, principal, "note.written", "note", note.id)
        session.flush()
        entered.set()
        assert gate.wait(10)
        if fail:
            raise NotFound()
        return created(note, request=request, location=f"/api/v1/notes/{note.id}")

    return make_app("notes", [Service("notes", (router,))], runtime)


@pytest.fixture
def reader(app: FastAPI, runtime: Runtime) -> Iterator[Api]:
    with make_client(app) as http:
        yield People(http, runtime).make(Role.STUDENT).api


def effects(runtime: Runtime) -> int:
    with transaction(runtime.session_factory) as session:
        return session.scalar(select(func.count()).select_from(AuditLog)) or 0


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


def test_the_same_key_gives_the_first_answer_again(reader: Api, runtime: Runtime) -> None:
    first = reader.post("/notes", {"text": "once"}, headers=key("k-1"))
    again = reader.post("/notes", {"text": "once"}, headers=key("k-1"))

    assert data(again, 201) == data(first, 201)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert effects(runtime) == 1


def test_without_a_key_each_call_counts(reader: Api, runtime: Runtime) -> None:
    for _ in range(2):
        data(reader.post("/notes", {"text": "twice"}), 201)

    assert effects(runtime) == 2


def test_the_same_key_for_another_body_is_refused(reader: Api, runtime: Runtime) -> None:
    data(reader.post("/notes", {"text": "this"}, headers=key("k-1")), 201)

    refused(reader.post("/notes", {"text": "that"}, headers=key("k-1")), 422, "IDEMPOTENCY_KEY_REUSED")
    assert effects(runtime) == 1


def test_a_key_belongs_to_its_user(reader: Api, runtime: Runtime) -> None:
    other = People(reader.http, runtime).make().api

    mine = data(reader.post("/notes", {"text": "hi"}, headers=key("k-1")), 201)
    theirs = data(other.post("/notes", {"text": "hi"}, headers=key("k-1")), 201)

    assert mine["id"] != theirs["id"]


def test_a_failure_is_not_kept(reader: Api, runtime: Runtime) -> None:
    refused(reader.post("/notes?fail=true", {"text": "x"}, headers=key("k-1")), 404, "NOT_FOUND")

    data(reader.post("/notes", {"text": "x"}, headers=key("k-1")), 201)
    assert effects(runtime) == 1


def test_a_key_is_forgotten_after_its_time(reader: Api, runtime: Runtime) -> None:
    data(reader.post("/notes", {"text": "a"}, headers=key("k-1")), 201)
    with transaction(runtime.session_factory) as session:
        session.execute(update(IdempotencyKey).values(expires_at=func.now() - timedelta(seconds=1)))

    data(reader.post("/notes", {"text": "b"}, headers=key("k-1")), 201)
    assert effects(runtime) == 2


@pytest.mark.parametrize("bad", ["", " ", "with space", "x" * 256])
def test_a_key_is_visible_ascii(reader: Api, bad: str) -> None:
    answer = reader.post("/notes", {"text": "x"}, headers=key(bad))

    refused(answer, 422, "VALIDATION_ERROR")


def test_while_the_first_runs_a_second_is_refused_at_once(
    reader: Api, runtime: Runtime, gate: Event, entered: Event
) -> None:
    gate.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(reader.post, "/notes", {"text": "slow"}, headers=key("k-1"))
        assert entered.wait(10)
        second = reader.post("/notes", {"text": "slow"}, headers=key("k-1"))
        gate.set()

        refused(second, 409, "REQUEST_IN_PROGRESS")
        data(first.result(timeout=10), 201)
    assert effects(runtime) == 1


def test_of_many_at_once_one_has_an_effect(reader: Api, runtime: Runtime) -> None:
    together = Barrier(6)

    def post() -> int:
        together.wait(10)
        return reader.post("/notes", {"text": "race"}, headers=key("k-1")).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = [job.result(timeout=20) for job in [pool.submit(post) for _ in range(6)]]

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert effects(runtime) == 1
