"""`/api/v1/holds`: the queue for a title that is out."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from luna_web.delivery import views
from luna_web.delivery.domain.states import HoldStatus
from luna_web.delivery.errors import AlreadyRequested, LimitReached
from luna_web.delivery.models import Hold
from luna_web.delivery.routes.doing import Doing
from luna_web.delivery.schemas import HoldOut, NewHold
from luna_web.delivery.service import holds, lists
from luna_web.delivery.service.lists import Whose
from luna_web.delivery.service.work import Work
from luna_web.shared.envelope import created, ok, page
from luna_web.shared.errors import Forbidden, IllegalTransition, NotFound
from luna_web.shared.page_query import Paging
from luna_web.shared.principal import any_user
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix="/api/v1/holds", tags=["holds"])


def shown(work: Work, hold: Hold) -> HoldOut:
    work.session.refresh(hold)
    return views.hold_out(hold, holds.position(work, hold))


@router.get("", rule=any_user, items=HoldOut)
def list_holds(
    work: Doing,
    paging: Paging,
    request: Request,
    status: HoldStatus | None = None,
    is_open: Annotated[bool | None, Query(alias="open", description="Only open ones, or only ended ones")] = None,
    book_id: UUID | None = None,
    user_id: Annotated[UUID | None, Query(description="Staff only; others see their own")] = None,
) -> Response:
    found = lists.holds(work, Whose(user_id, book_id), status, is_open, paging)
    places = holds.positions(work, found.items)
    shown_rows = [views.hold_out(row, places.get(row.id)) for row in found.items]
    return page(shown_rows, found.pagination, request=request)


@router.post(
    "",
    rule=any_user,
    data=HoldOut,
    status=201,
    idempotent=True,
    errors=(NotFound, AlreadyRequested, LimitReached, Forbidden),
)
def place_hold(wish: NewHold, work: Doing, request: Request) -> Response:
    """A place in the queue. Where a copy is free and nobody waits, it is kept for the reader at once."""
    hold = holds.place(work, wish.book_id, wish.user_id)
    return created(shown(work, hold), request=request, location=f"/api/v1/holds/{hold.id}")


@router.get("/{hold_id}", rule=any_user, data=HoldOut, errors=(NotFound,))
def get_hold(hold_id: UUID, work: Doing, request: Request) -> Response:
    return ok(shown(work, holds.get(work, hold_id)), request=request)


@router.delete("/{hold_id}", rule=any_user, data=HoldOut, errors=(NotFound, IllegalTransition))
def cancel_hold(hold_id: UUID, work: Doing, request: Request) -> Response:
    """Wait no longer; a copy that was kept goes to the next in line."""
    return ok(shown(work, holds.cancel(work, hold_id)), request=request)
