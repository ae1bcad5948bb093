"""Connections of the pool that broke while nobody used them are replaced before anybody does.

A server that ends a connection says so, and the socket has something to read: looking at it costs no round trip. One
that vanished with its whole machine says nothing, so what was idle for a while is asked.
"""

import select
import time
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

IDLE_S = 5.0
_LEFT_AT = "luna_left_at"


def replace_broken(engine: Engine) -> None:
    """Look at each connection of psycopg as it leaves the pool; with a broken one all of its age are given up."""

    @event.listens_for(engine, "checkin")
    def _note(_: Any, record: Any) -> None:
        record.info[_LEFT_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _look(connection: "psycopg.Connection[Any]", record: Any, _: Any) -> None:
        left_at = record.info.get(_LEFT_AT)
        if left_at is None or (time.monotonic() - left_at < IDLE_S and is_silent(connection)):
            return
        try:
            engine.dialect.do_ping(connection)  # type: ignore[arg-type]  # that of the driver, as it is
        except psycopg.Error as error:
            raise InvalidatePoolError() from error


def is_silent(connection: "psycopg.Connection[Any]") -> bool:
    """Whether the server has said nothing that nobody read, its farewell among other things."""
    try:
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
    except psycopg.Error:
        return False  # it is closed already
    return not waiting.poll(0)
