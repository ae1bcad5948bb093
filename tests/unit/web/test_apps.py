"""Apps of all services and of each alone: whatever is served has what it needs of others, or does not start."""

from collections.abc import Iterator

import pytest

from luna_web import main
from luna_web.shared.app import UnwiredPort, make_app
from luna_web.shared.config import Settings
from luna_web.shared.runtime import Runtime, Service, make_runtime


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    made = make_runtime(Settings(_env_file=None))
    yield made
    made.close()


@pytest.mark.parametrize("name", ["app", "auth", "book", "delivery", "notifications", "robot"])
def test_whatever_is_served_has_what_it_needs(runtime: Runtime, name: str) -> None:
    services = main.APPS[name]

    main.create_app(services, runtime=runtime)

    assert all(runtime.has(port) for service in services for port in service.needs)


def test_what_servers_can_ask_for_is_there() -> None:
    with pytest.raises(AttributeError, match="kitchen"):
        main.__getattr__("kitchen")


@pytest.mark.parametrize("service", [service for service in main.ALL if service.needs], ids=lambda one: one.name)
def test_a_service_without_what_it_needs_does_not_start_and_says_what(runtime: Runtime, service: Service) -> None:
    with pytest.raises(UnwiredPort, match=f"the service {service.name} needs the {service.needs[0].name}"):
        make_app("LUNA", [service], runtime)


def test_every_port_of_others_is_declared(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `wire` provides is what somebody needs: neither is forgotten when one is added."""
    wired: set[str] = set()
    monkeypatch.setattr(Runtime, "provide", lambda self, port, thing: wired.add(port.name))
    monkeypatch.setattr(Runtime, "once", lambda self, port, make: make())

    main.wire(runtime)

    assert wired == {port.name for service in main.ALL for port in service.needs}
