"""`/api/v1/notifications/preferences`: how one wants to be told."""

from fastapi import Request
from starlette.responses import Response

from luna_web.notification import choices
from luna_web.notification.schemas import PreferencesIn, PreferencesOut, preferences_out
from luna_web.shared.envelope import ok
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.principal import any_user
from luna_web.shared.routing import LunaRouter
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix="/api/v1/notifications/preferences", tags=["notifications"])


@router.get("", rule=any_user, data=PreferencesOut)
def preferences(session: DbSession, principal: CurrentPrincipal, request: Request) -> Response:
    """What holds for each type; `always_on` names the channels that stay on."""
    return ok(preferences_out(choices.shown(session, principal)), request=request)


@router.put("", rule=any_user, data=PreferencesOut)
def change_preferences(
    wanted: PreferencesIn, session: DbSession, principal: CurrentPrincipal, request: Request
) -> Response:
    """Types and channels that are not named stay as they are. Holds for what waits to be sent, too."""
    choices.change(session, principal, wanted.changes())
    return ok(preferences_out(choices.shown(session, principal)), request=request)
