"""One person's call: the transaction, who calls, when, and what is written about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.delivery.domain.facts import Policy
from luna_web.delivery.ledger import Cause, Ledger
from luna_web.delivery.loan_register import LoanRegister
from luna_web.delivery.policies import Policies
from luna_web.delivery.waiting_list import WaitingList
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.principal import Principal, Role
from luna_web.shared.tracing import trace_id


@dataclass(frozen=True)
class Work:
    session: Session
    principal: Principal
    now: datetime
    meta: RequestMeta
    policies: Policies

    @cached_property
    def policy(self) -> Policy:
        """The limits that hold for the whole of this call; read when they are first asked for."""
        return self.policies(self.session)

    @property
    def is_staff(self) -> bool:
        return self.principal.role in (Role.LIBRARIAN, Role.ADMIN)

    @property
    def is_admin(self) -> bool:
        return self.principal.role is Role.ADMIN

    def may_see(self, user_id: UUID | None) -> bool:
        """Own records; staff see everybody's."""
        return self.is_staff or user_id == self.principal.user_id

    def ledger(self, trace: str | None = None) -> Ledger:
        """Writes in this person's name, in the trace of this call or of the delivery that it concerns."""
        return Ledger(self.session, self.policy, Cause(self.now, trace or trace_id(), self.principal.user_id))

    def loans(self) -> LoanRegister:
        return self.ledger().loans

    def waiting_list(self) -> WaitingList:
        return self.ledger().waiting_list

    def audit(self, action: str, resource_type: str, resource_id: UUID, changes: Mapping[str, Any]) -> None:
        audit(self.session, self.principal, action, resource_type, str(resource_id), dict(changes), self.meta)
