"""NOTIFY, heard: one connection of a process that hears what other transactions want of robots."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import create_engine, make_url

log = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
"""How often a connection that hears nothing is asked whether it still lives."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


async def listen(database_url: str, channel: str, heard: Callable[[str], None]) -> None:
    """Call `heard` with each payload, and with `*` after every connect, since some may have been missed.

    Runs until cancelled; connects again, and again, when PostgreSQL is away.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            async with await _connect(database_url) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                heard("*")
                pause = FIRST_PAUSE_SECONDS
                await _hear(connection, heard)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("not listening to %s: %s", channel, str(error).strip() or type(error).__name__)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _hear(connection: psycopg.AsyncConnection[Any], heard: Callable[[str], None]) -> None:
    while True:
        async for notification in connection.notifies(timeout=CHECK_SECONDS):
            heard(notification.payload)
        async with asyncio.timeout(CHECK_SECONDS):
            await connection.execute("SELECT 1")


async def _connect(database_url: str) -> psycopg.AsyncConnection[Any]:
    url = make_url(database_url)
    _, arguments = create_engine(url).dialect.create_connect_args(url)
    arguments.pop("context", None)
    return await psycopg.AsyncConnection.connect(
        **arguments, autocommit=True, connect_timeout=2, application_name="luna-listen"
    )
