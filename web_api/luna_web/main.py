"""The whole web tier in one app: `uvicorn luna_web.main:app`."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI

from luna_web.shared.app import make_app
from luna_web.shared.config import Settings, get_settings
from luna_web.shared.logs import configure_logs
from luna_web.shared.runtime import Runtime, Service, make_runtime

NAMES = ("auth", "book", "delivery", "robot", "notification")


def all_services() -> tuple[Service, ...]:
    return tuple(
        import_module(f"luna_web.{name}.app").SERVICE for name in NAMES if find_spec(f"luna_web.{name}.app")
    )


def create_app(
    services: Sequence[Service] | None = None, *, settings: Settings | None = None, runtime: Runtime | None = None
) -> FastAPI:
    """An app of these services, by default all; `runtime` is for tests that bring their own."""
    if runtime is None:
        settings = settings or get_settings()
        configure_logs(settings.log_format)
        runtime = make_runtime(settings)
    return make_app("LUNA", services if services is not None else all_services(), runtime)


def __getattr__(name: str) -> Any:
    """`app` is made when a server asks for it, so that importing this module starts nothing."""
    if name == "app":
        return create_app()
    raise AttributeError(name)
