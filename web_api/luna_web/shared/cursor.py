"""Cursors whose description costs little: SQLAlchemy reads it at every statement, names and types alone."""

from typing import Any

import psycopg
from psycopg.pq import ExecStatus

Described = tuple[str, int, None, None, None, None, None]


class LightCursor(psycopg.Cursor[Any]):
    """Describes columns by name and type, as PEP 249 has it; the rest, which nobody asks for, is None."""

    @property
    def description(self) -> list[Described] | None:  # type: ignore[override]  # psycopg has a class for a column
        result = self.pgresult
        if result is None or result.status not in (ExecStatus.TUPLES_OK, ExecStatus.SINGLE_TUPLE):
            return None
        return [
            ((result.fname(number) or b"").decode(), result.ftype(number), None, None, None, None, None)
            for number in range(result.nfields)
        ]
