"""`/api/v1/notifications`: what one was told."""

from uuid import UUID

from fastapi import Request, WebSocket
from starlette.responses import Response

from luna_web.notification import service
from luna_web.notification.domain import NotificationType
from luna_web.notification.live.live import LIVE, Live
from luna_web.notification.schemas import Empty, NotificationOut, ReadAll
from luna_web.shared.cursors import After, read_cursor
from luna_web.shared.envelope import ok, page
from luna_web.shared.errors import NotFound
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.page_query import Paging
from luna_web.shared.principal import any_user
from luna_web.shared.routing import LunaRouter
from luna_web.shared.runtime import Runtime
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix="/api/v1/notifications", tags=["notifications"])


@router.get("", rule=any_user, items=NotificationOut)
def list_notifications(
    session: DbSession,
    principal: CurrentPrincipal,
    paging: Paging,
    request: Request,
    is_read: bool | None = None,
    notification_type: NotificationType | None = None,
    after: After = None,
) -> Response:
    """Newest first; `meta.unread_count` says how many are unread in all, `meta.next` leads to the next page."""
    cursor = read_cursor(after) if after else None
    found = service.page_of(session, principal.user_id, is_read, notification_type, paging, cursor)
    shown = [NotificationOut.model_validate(row) for row in found.items]
    unread = service.unread(session, principal.user_id)
    meta = {"unread_count": unread, "next": service.next_cursor(found)}
    return page(shown, found.pagination, request=request, meta=meta)


@router.websocket("/ws", rule=any_user)
async def live_channel(websocket: WebSocket) -> None:
    """What happens, as it happens: docs/live.md."""
    runtime: Runtime = websocket.app.state.luna
    live: Live = runtime.get(LIVE)
    await live.serve(websocket)


@router.put("/read-all", rule=any_user, data=ReadAll)
def read_all(session: DbSession, principal: CurrentPrincipal, request: Request, _: Empty | None = None) -> Response:
    runtime: Runtime = request.app.state.luna
    marked = service.mark_all_read(session, principal.user_id, runtime.clock.now())
    return ok(ReadAll(marked=marked), request=request)


@router.get("/{notification_id}", rule=any_user, data=NotificationOut, errors=(NotFound,))
def get_notification(
    notification_id: UUID, session: DbSession, principal: CurrentPrincipal, request: Request
) -> Response:
    found = service.get(session, principal.user_id, notification_id)
    return ok(NotificationOut.model_validate(found), request=request)


@router.put("/{notification_id}/read", rule=any_user, data=NotificationOut, errors=(NotFound,))
def read(
    notification_id: UUID,
    session: DbSession,
    principal: CurrentPrincipal,
    request: Request,
    _: Empty | None = None,
) -> Response:
    runtime: Runtime = request.app.state.luna
    found = service.mark_read(session, principal.user_id, notification_id, runtime.clock.now())
    return ok(NotificationOut.model_validate(found), request=request)


@router.delete("/{notification_id}", rule=any_user, data=Empty, errors=(NotFound,))
def delete(notification_id: UUID, session: DbSession, principal: CurrentPrincipal, request: Request) -> Response:
    """Gone for good: its event does not bring it back."""
    runtime: Runtime = request.app.state.luna
    service.delete(session, principal.user_id, notification_id, runtime.clock.now())
    return ok({}, request=request)
