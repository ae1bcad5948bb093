"""What changes of rows have in common: the version they build on, what differs, and lost races for unique values."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from psycopg import errors as pg
from sqlalchemy.exc import IntegrityError

from luna_web.shared.errors import LunaError, PreconditionFailed
from luna_web.shared.etags import IfMatch


def check_version(if_match: IfMatch | None, version: int) -> None:
    """PreconditionFailed unless the caller has seen this version, or did not say what it has seen."""
    if if_match is not None and not if_match.names(version):
        raise PreconditionFailed(version)


def changed(row: object, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set what differs; returns `{name: [before, after]}` for the audit trail."""
    different = {name: [getattr(row, name), value] for name, value in values.items() if getattr(row, name) != value}
    for name, (_, value) in different.items():
        setattr(row, name, value)
    return different


@contextmanager
def unique(constraint: str, refused: Callable[[], LunaError]) -> Iterator[None]:
    """Turn a lost race for a unique value into the error that says so."""
    try:
        yield
    except IntegrityError as error:
        cause = error.orig
        if isinstance(cause, pg.UniqueViolation) and cause.diag.constraint_name == constraint:
            raise refused() from error
        raise
