"""`node list|info`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from rclpy.action import get_action_client_names_and_types_by_node, get_action_server_names_and_types_by_node

from luna_ros_cli.session import Session, visible


def list_nodes(session: Session, asked: Namespace) -> None:
    session.settle()
    names = session.nodes()
    for name in names if asked.all else visible(names):
        print(name)


def info(session: Session, asked: Namespace) -> None:
    full = session.absolute(asked.node)
    name, space = session.require_node(full)
    session.settle()
    node = session.node
    sections: dict[str, Callable[[str, str], list[tuple[str, list[str]]]]] = {
        "Subscribers": lambda n, s: node.get_subscriber_names_and_types_by_node(n, s),
        "Publishers": lambda n, s: node.get_publisher_names_and_types_by_node(n, s),
        "Service Servers": lambda n, s: node.get_service_names_and_types_by_node(n, s),
        "Service Clients": lambda n, s: node.get_client_names_and_types_by_node(n, s),
        "Action Servers": lambda n, s: get_action_server_names_and_types_by_node(node, n, s),
        "Action Clients": lambda n, s: get_action_client_names_and_types_by_node(node, n, s),
    }
    print(full)
    for title, look in sections.items():
        print(f"  {title}:")
        found = dict(look(name, space))
        for each in sorted(found) if asked.include_hidden else visible(found):
            print(f"    {each}: {', '.join(found[each])}")
    print()
