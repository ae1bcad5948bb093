"""The settings that administrators change while LUNA runs."""

from typing import Any

from fastapi import Request
from pydantic import BaseModel, create_model
from starlette.responses import Response

from luna_web.auth.ports import FLOOR
from luna_web.shared.audit import audit
from luna_web.shared.database import after_commit
from luna_web.shared.envelope import ok
from luna_web.shared.fields import Input
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.library_settings import SCHEMAS, LibrarySettings, library_rules
from luna_web.shared.principal import admin
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter
from luna_web.shared.runtime import Runtime
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix="/api/v1/auth", tags=["administration"])


def _some_of(schema: type[BaseModel]) -> type[BaseModel]:
    """The schema with no field required; bounds are looked at when the whole is."""
    fields: dict[str, Any] = {name: (field.annotation, None) for name, field in schema.model_fields.items()}
    return create_model(f"{schema.__name__}Change", __base__=Input, **fields)


_FIELDS: dict[str, Any] = {name: (_some_of(schema), None) for name, schema in SCHEMAS.items()}
SettingsChange: Any = create_model("SettingsChange", __base__=Input, **_FIELDS)


@router.get("/settings", rule=admin, data=LibrarySettings)
def get_settings(session: DbSession, request: Request) -> Response:
    """Registration, limits, time-outs, opening hours: as they are for everybody now."""
    runtime: Runtime = request.app.state.luna
    return ok(library_rules(runtime).read(session), request=request)


@router.put("/settings", rule=admin, data=LibrarySettings)
def change_settings(
    body: SettingsChange, session: DbSession, principal: CurrentPrincipal, meta: Meta, request: Request
) -> Response:
    """Change what is given; the rest stays. Every process goes by it within two seconds."""
    runtime: Runtime = request.app.state.luna
    rules = library_rules(runtime)
    wanted = body.model_dump(exclude_unset=True)
    changed = rules.change(session, wanted, principal.user_id, runtime.clock.now())
    runtime.get(FLOOR).check_desks(session, changed.before.desks, changed.after.desks)
    if differences := changed.differences():
        audit(session, principal, "settings.changed", "settings", None, differences, meta)
    after_commit(session, rules.forget)
    return ok(changed.after, request=request)
