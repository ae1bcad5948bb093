"""The library of each test of deliveries."""

import pytest

from luna_web.delivery.routes import doing
from luna_web.shared.runtime import Runtime
from tests.integration.web.delivery.world import Library
from tests.integration.world import Catalog, People


@pytest.fixture
def library(runtime: Runtime, people: People, catalog: Catalog) -> Library:
    return Library(runtime, people, catalog)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirmations do not wait two seconds for robots that speak only when a test says so."""
    monkeypatch.setattr(doing, "PATIENCE_SECONDS", 0.05)
