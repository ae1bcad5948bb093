"""What tests of the live channel need."""

from collections.abc import Iterator

import pytest

from luna_web.shared.config import Settings
from luna_web.shared.runtime import Runtime
from tests.integration.web.notification.live.rig import Newsroom, Server, serving


@pytest.fixture
def server(settings: Settings, runtime: Runtime) -> Iterator[Server]:
    """One process that serves the live channel, on the test's database and Valkey."""
    with serving(settings.model_copy(update={"live_tick_seconds": 0.05})) as server:
        yield server


@pytest.fixture
def news(runtime: Runtime) -> Newsroom:
    return Newsroom.of(runtime)
