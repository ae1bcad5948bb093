"""`service list|type|call`."""

from __future__ import annotations

from argparse import Namespace

from luna_ros_cli.interfaces import load
from luna_ros_cli.session import Session, missing, visible
from luna_ros_cli.values import made, parse


def list_services(session: Session, asked: Namespace) -> None:
    session.settle()
    services = session.services()
    for name in sorted(services) if asked.include_hidden_services else visible(services):
        print(f"{name} [{', '.join(services[name])}]" if asked.show_types else name)


def show_type(session: Session, asked: Namespace) -> None:
    for each in session.types_of("service", session.absolute(asked.service)):
        print(each)


def call(session: Session, asked: Namespace) -> None:
    name = session.absolute(asked.service)
    kind = load("srv", asked.type)
    request = made(kind.Request, parse(asked.values, "values"), session.node.get_clock().now().to_msg())
    client = session.node.create_client(kind, name)
    if not client.service_is_ready():
        print("waiting for service to become available...", flush=True)
        session.until(client.service_is_ready, lambda: _why(session, name, asked.type))
    print(f"requester: making request: {request!r}\n", flush=True)
    print(f"response:\n{session.answer(client.call_async(request), name)!r}\n")


def _why(session: Session, name: str, asked: str) -> str:
    services = session.services()
    if (types := services.get(name)) and asked not in types:
        return f"{name} is of the type {', '.join(types)}, not {asked}."
    return missing("service", name, visible(services))
