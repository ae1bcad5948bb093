"""`/api/v1/loans`."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from luna_web.delivery.routes.doing import Doing
from luna_web.delivery.schemas import LoanOut
from luna_web.delivery.service import lists
from luna_web.delivery.service.lists import Whose
from luna_web.shared.envelope import page
from luna_web.shared.paging import Paging
from luna_web.shared.principal import any_user
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix="/api/v1/loans", tags=["loans"])


@router.get("", rule=any_user, items=LoanOut)
def list_loans(
    work: Doing,
    paging: Paging,
    request: Request,
    is_open: Annotated[bool | None, Query(alias="open", description="Only open ones, or only closed ones")] = None,
    book_id: UUID | None = None,
    user_id: Annotated[UUID | None, Query(description="Staff only; others see their own")] = None,
) -> Response:
    found = lists.loans(work, Whose(user_id, book_id), is_open, paging)
    return page([LoanOut.model_validate(row) for row in found.items], found.pagination, request=request)
