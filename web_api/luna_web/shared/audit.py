"""The audit trail: one row for what a person caused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from luna_web.shared.appending import AppendedTable, append
from luna_web.shared.ids import new_id
from luna_web.shared.models import AuditLog
from luna_web.shared.principal import Principal
from luna_web.shared.tracing import trace_id

_TRAIL = AppendedTable(AuditLog, left_out=("at",))
MONTHS_AHEAD = 13


@dataclass(frozen=True, slots=True)
class RequestMeta:
    """Where a request came from. `ip_address` is None where it is not an address (a socket, a test)."""

    ip_address: str | None = None
    user_agent: str | None = None


def audit(
    session: Session,
    principal: Principal | None,
    action: str,
    resource_type: str,
    resource_id: UUID | str | None,
    changes: Mapping[str, Any] | None = None,
    request_meta: RequestMeta | None = None,
) -> None:
    """Write a row of the audit trail into this transaction. Never put secrets into `changes`."""
    append(
        session,
        _TRAIL,
        {
            "id": new_id(),
            "user_id": principal.user_id if principal else None,
            "role": principal.role if principal else None,
            "action": action,
            "resource_type": resource_type,
            "resource_id": str(resource_id) if resource_id is not None else None,
            "changes": changes or {},
            "ip_address": request_meta.ip_address if request_meta else None,
            "trace_id": trace_id(),
        },
    )


def make_months(session: Session, months: int = MONTHS_AHEAD) -> int:
    """A periodic job: partitions of the trail for this month and those to come; how many were made.

    Without one for the day nothing that leaves a trace could be done any more.
    """
    return session.scalar(select(func.audit_logs_ahead(months))) or 0


def forget_months(session: Session, before: datetime) -> int:
    """A periodic job: drop the months that were over by then; how many. The database keeps the last year."""
    return session.scalar(select(func.audit_logs_forget(before))) or 0
