"""What the librarian's calls share: the transaction, who calls, and what is written down each time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.book.ports import Circulation
from luna_web.shared.audit import RequestMeta, audit
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
