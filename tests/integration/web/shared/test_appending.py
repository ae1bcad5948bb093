"""Rows that are only added reach the database once, in their order, with what they tell of or not at all."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from luna_web.shared.appending import write_appended
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.models import AuditLog, Outbox
from luna_web.shared.outbox import notify, record_event
from luna_web.shared.runtime import Runtime
from tests.integration.servers import Postgres


def tell(session: Session, what: str, number: int = 1, **payload: Any) -> None:
    record_event(
        session, type=f"test.{what}", source="test", aggregate="thing:1", aggregate_seq=number, payload=payload
    )


def told(factory: SessionFactory) -> list[str]:
    with transaction(factory) as session:
        rows = session.scalars(select(Outbox).order_by(Outbox.position)).all()
    return [row.event_type.removeprefix("test.") for row in rows]


def test_all_kinds_of_one_transaction_are_written_together(
    session_factory: SessionFactory, postgres_server: Postgres
) -> None:
    """A query among them, as `NOTIFY` is one, is run wherever it came in between."""
    with postgres_server.admin("luna") as listener:
        listener.execute("LISTEN luna_wanted")
        with transaction(session_factory) as session:
            notify(session, "luna_wanted", "first")
            for number in range(1, 12):
                tell(session, "counted", number, count=number, text="naïve ☃ \\ \" ' %s", nothing=None, none=[])
            notify(session, "luna_wanted", "last")
            audit(session, None, "thing.changed", "thing", None, {"deep": [{"a": 1.5}]}, RequestMeta("2001:db8::7"))
        heard = [one.payload for one in listener.notifies(timeout=5, stop_after=2)]

    with transaction(session_factory) as session:
        events = session.scalars(select(Outbox).order_by(Outbox.position)).all()
        trail = session.scalars(select(AuditLog)).one()
    assert heard == ["first", "last"]
    assert [event.aggregate_seq for event in events] == list(range(1, 12))
    assert events[4].payload == {"count": 5, "text": "naïve ☃ \\ \" ' %s", "nothing": None, "none": []}
    assert [event.created_at for event in events] == sorted(event.created_at for event in events)
    assert (trail.action, trail.resource_id, trail.changes) == ("thing.changed", None, {"deep": [{"a": 1.5}]})
    assert (str(trail.ip_address), trail.user_id) == ("2001:db8::7", None)


def test_a_value_is_taken_as_it_was_when_it_was_appended(session_factory: SessionFactory) -> None:
    value = ["before"]
    with transaction(session_factory) as session:
        tell(session, "changed", value=value)
        value.append("after")

    with transaction(session_factory) as session:
        assert session.scalars(select(Outbox.payload)).one() == {"value": ["before"]}


def test_a_savepoint_takes_with_it_what_was_appended_in_it_and_nothing_else(session_factory: SessionFactory) -> None:
    with transaction(session_factory) as session:
        tell(session, "before")
        savepoint = session.begin_nested()
        tell(session, "lost")
        savepoint.rollback()
        with session.begin_nested():
            tell(session, "kept")
        tell(session, "after")

    assert told(session_factory) == ["before", "kept", "after"]


def test_what_cannot_be_written_fails_at_the_end_of_its_savepoint(session_factory: SessionFactory) -> None:
    """So that a consumer that tells nonsense is known to be the one."""
    with transaction(session_factory) as session:
        tell(session, "before")
        with pytest.raises(DBAPIError, match="outbox_event_type_check"), session.begin_nested():
            tell(session, "NO SUCH TYPE")
        tell(session, "after")

    assert told(session_factory) == ["before", "after"]


@pytest.mark.parametrize("end", [Session.rollback, Session.close])
def test_a_transaction_that_ends_otherwise_leaves_nothing_for_the_next(
    session_factory: SessionFactory, end: Any
) -> None:
    with session_factory() as session:
        tell(session, "abandoned")
        end(session)
        tell(session, "second")
        session.commit()
        session.commit()

    assert told(session_factory) == ["second"]


def test_what_was_written_early_is_not_written_again(session_factory: SessionFactory) -> None:
    with transaction(session_factory) as session:
        tell(session, "early")
        write_appended(session)
        assert len(session.scalars(select(Outbox)).all()) == 1

    assert told(session_factory) == ["early"]


def test_a_session_that_would_never_write_it_refuses(runtime: Runtime) -> None:
    with Session(runtime.engine) as session, pytest.raises(TypeError, match="make_session_factory"):
        tell(session, "lost")
