"""Which errors mean that the database is away, and how long to wait for it."""

import pytest
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError

from luna_web.book.imports.domain import TRY_LATER
from luna_web.book.imports.foreman import MOST_ATTEMPTS, pause_seconds
from luna_web.book.imports.importing import is_connection_lost


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (pg.OperationalError("server closed the connection unexpectedly"), True),
        (pg.ConnectionFailure(), True),
        (pg.AdminShutdown(), True),
        (pg.CannotConnectNow(), True),
        (pg.DiskFull(), False),
        (pg.OutOfMemory(), False),
        (pg.QueryCanceled(), False),
        (pg.LockNotAvailable(), False),
        (pg.UniqueViolation(), False),
        (ValueError(), False),
    ],
)
def test_only_a_database_that_is_away_is_worth_waiting_for(error: Exception, lost: bool) -> None:
    assert is_connection_lost(error) == lost
    assert is_connection_lost(DBAPIError("SELECT", {}, error)) == lost
    assert is_connection_lost(DBAPIError("SELECT", {}, error, connection_invalidated=True))


def test_each_pause_for_a_lost_database_is_twice_the_one_before() -> None:
    pauses = [pause_seconds(TRY_LATER, attempt) for attempt in range(1, MOST_ATTEMPTS + 1)]

    assert pauses == [5, 10, 20, 40, 80]
    assert pause_seconds(1, 1) < 1
