"""`/api/v1/notifications/push-subscriptions`: one's browsers that get push messages."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from luna_web.notification import subscriptions
from luna_web.notification.errors import PushNotOffered, SubscribedByAnother
from luna_web.notification.schemas import Empty, EndpointIn, PushOut, SubscriptionIn, SubscriptionOut, Unsubscribed
from luna_web.shared.envelope import created, ok
from luna_web.shared.errors import NotFound
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.principal import any_user
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter
from luna_web.shared.runtime import Runtime
from luna_web.shared.transactions import DbSession

PATH = "/api/v1/notifications/push-subscriptions"
router = LunaRouter(prefix=PATH, tags=["notifications"])


@router.get("", rule=any_user, data=PushOut)
def push_subscriptions(session: DbSession, principal: CurrentPrincipal, request: Request) -> Response:
    """`application_server_key` is what a browser subscribes with; null where no push messages are sent."""
    runtime: Runtime = request.app.state.luna
    key = runtime.settings.vapid_key()
    rows = [SubscriptionOut.of(row) for row in subscriptions.of_user(session, principal.user_id)]
    return ok(PushOut(application_server_key=key.public if key else None, subscriptions=rows), request=request)


@router.post("", rule=any_user, data=SubscriptionOut, status=201, errors=(PushNotOffered, SubscribedByAnother))
def subscribe(
    wanted: SubscriptionIn, session: DbSession, principal: CurrentPrincipal, meta: Meta, request: Request
) -> Response:
    """The body is what `PushSubscription.toJSON()` gives. It ends with the session that it was made in."""
    runtime: Runtime = request.app.state.luna
    made = subscriptions.subscribe(session, principal, wanted.browser(meta.user_agent), runtime.settings)
    return created(SubscriptionOut.of(made), request=request, location=f"{PATH}/{made.id}")


@router.delete("", rule=any_user, data=Unsubscribed)
def unsubscribe(
    session: DbSession, principal: CurrentPrincipal, request: Request, wanted: EndpointIn | None = None
) -> Response:
    """One's own subscription at this endpoint; all of one's own without a body."""
    endpoint = wanted.endpoint if wanted else None
    ended = subscriptions.unsubscribe(session, principal.user_id, endpoint)
    return ok(Unsubscribed(ended=ended), request=request)


@router.delete("/{subscription_id}", rule=any_user, data=Empty, errors=(NotFound,))
def unsubscribe_one(
    subscription_id: UUID, session: DbSession, principal: CurrentPrincipal, request: Request
) -> Response:
    subscriptions.unsubscribe_one(session, principal.user_id, subscription_id)
    return ok({}, request=request)
