"""An importer without a worker around it: tests make it work, one job at a time."""

from collections.abc import Iterator

import pytest

from luna_web.book.imports.run import prepared_factory
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory
from luna_web.shared.runtime import Runtime
from tests.integration.web.book.imports.desk import Desk
from tests.integration.world import Api


@pytest.fixture(scope="session")
def import_factory(settings: Settings) -> Iterator[SessionFactory]:
    """Sessions as the importing process has them."""
    engine, factory = prepared_factory(settings)
    yield factory
    engine.dispose()


@pytest.fixture
def desk(librarian: Api, import_factory: SessionFactory, runtime: Runtime) -> Desk:
    return Desk(librarian, import_factory)


@pytest.fixture
def small_uploads(runtime: Runtime) -> Iterator[None]:
    """A file may have one MiB."""
    usual = runtime.settings
    runtime.settings = usual.model_copy(update={"import_max_bytes": 1 << 20})
    yield
    runtime.settings = usual
