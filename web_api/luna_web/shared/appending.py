"""Rows that are only ever added: events, the audit trail, histories; and notices to listeners.

A transaction collects them and writes all of them in one statement before it commits, or begins or ends a savepoint:
a statement costs far more than a row. Who wants to read them back in the same transaction calls `write_appended`.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Protocol

from pydantic_core import to_json
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Sink(Protocol):
    """Where rows go. `sql` takes them as one JSON array, its only parameter; `asks`: it is a query, not a change."""

    @property
    def sql(self) -> str: ...

    @property
    def asks(self) -> bool: ...


class AppendedTable:
    """A table that rows are added to. `left_out`: columns that the database fills by itself."""

    asks = False

    def __init__(self, table: type[DeclarativeBase], left_out: Collection[str]) -> None:
        columns = [column for column in table.__table__.columns if column.name not in left_out]
        names = ", ".join(f'"{column.name}"' for column in columns)
        typed = ", ".join(f'"{column.name}" {column.type.compile(_DIALECT)}' for column in columns)
        # In their order, since identities and the times of the clock are given in it.
        self.sql = (
            f'INSERT INTO "{table.__tablename__}" ({names}) SELECT {names}'  # noqa: S608 - names of our own tables
            f" FROM ROWS FROM (jsonb_to_recordset(%s::jsonb) AS ({typed})) WITH ORDINALITY AS given({names}, number)"
            " ORDER BY number"
        )


class Notices:
    """`NOTIFY`: rows of channel and payload. One of a kind, since a statement ends with one query."""

    asks = True
    sql = "SELECT pg_notify(channel, payload) FROM jsonb_to_recordset(%s::jsonb) AS given(channel text, payload text)"


class AppendingSession(Session):
    """A session that keeps what is appended until it is written."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.appended: dict[Sink, list[bytes]] = {}

    def begin_nested(self) -> SessionTransaction:
        """What came before the savepoint does not end with it."""
        write_appended(self)
        return super().begin_nested()


def append(session: Session, sink: Sink, row: Mapping[str, Any]) -> None:
    """Have a row added when this transaction commits. It is taken as it is now: later changes of its values are lost.

    `row` names columns; those that it leaves out are NULL. Raises TypeError for a session that would never write it.
    """
    ours = _appending(session)
    if not ours.in_transaction():
        ours.begin()
    ours.appended.setdefault(sink, []).append(to_json(row))


def write_appended(session: Session) -> None:
    """Write at once what was appended so far, after everything that it may refer to."""
    ours = _appending(session)
    if not ours.appended:
        return
    ours.flush()
    appended, ours.appended = ours.appended, {}
    sinks = tuple(sorted(appended, key=lambda sink: sink.asks))
    rows = tuple(f"[{b','.join(appended[sink]).decode()}]" for sink in sinks)
    ours.connection().exec_driver_sql(_statement(sinks), rows)


def _appending(session: Session) -> AppendingSession:
    if not isinstance(session, AppendingSession):
        raise TypeError("rows are appended to sessions of make_session_factory alone")
    return session


@lru_cache
def _statement(sinks: tuple[Sink, ...]) -> str:
    """All of it. A query comes last: as a part of WITH it would not be run, unlike what changes data."""
    parts = [f"written_{number} AS ({sink.sql})" for number, sink in enumerate(sinks[:-1])]
    return f"WITH {', '.join(parts)} {sinks[-1].sql}" if parts else sinks[-1].sql


@event.listens_for(AppendingSession, "before_commit")
def _write(session: Session) -> None:
    write_appended(session)


@event.listens_for(AppendingSession, "after_transaction_end")
def _forget(session: Session, ended: SessionTransaction) -> None:
    """What was appended and not written goes with its transaction or savepoint."""
    if ended.nested or ended.parent is None:
        _appending(session).appended.clear()
