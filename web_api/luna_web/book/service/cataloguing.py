"""What the librarian's calls share: the transaction, who calls, and what is checked and written down each time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import errors as pg
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from luna_web.book.errors import PreconditionFailed
from luna_web.book.ports import Circulation
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.errors import LunaError
from luna_web.shared.etags import IfMatch
from luna_web.shared.principal import Principal


@dataclass(frozen=True, slots=True)
class Cataloguer:
    """One librarian's call."""

    session: Session
    principal: Principal
    meta: RequestMeta
    circulation: Circulation

    def audit(self, action: str, resource_type: str, resource_id: UUID, changes: Mapping[str, Any]) -> None:
        audit(self.session, self.principal, action, resource_type, resource_id, changes, self.meta)


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
