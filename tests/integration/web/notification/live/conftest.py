"""What tests of the live channel need."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from luna_web.shared.clock import FixedClock
from luna_web.shared.config import Settings
from luna_web.shared.runtime import Runtime, make_runtime
from tests.integration.web.notification.live.rig import Newsroom, Server, serving


@pytest.fixture
def server(settings: Settings, runtime: Runtime) -> Iterator[Server]:
    """One process that serves the live channel, on the test's database and Valkey."""
    with serving(settings.model_copy(update={"live_tick_seconds": 0.05})) as server:
        yield server


@pytest.fixture
def clock() -> FixedClock:
    """What `timeless` takes for the time."""
    return FixedClock(datetime.now(UTC))


@pytest.fixture
def timeless(settings: Settings, runtime: Runtime, clock: FixedClock) -> Iterator[Server]:
    """A server for which no time passes but what `clock` is advanced by: no token ends before its test wants it to."""
    own = make_runtime(settings, clock)
    with serving(settings, own) as server:
        yield server
    own.close()


@pytest.fixture
def news(runtime: Runtime) -> Newsroom:
    return Newsroom.of(runtime)
