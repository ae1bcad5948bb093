"""`param list|get|set|describe|dump`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter, ParameterDescriptor, ParameterType
from rclpy.parameter import get_parameter_value, parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient

from luna_ros_cli.errors import CommandError, near
from luna_ros_cli.session import Session, visible

NAMES = {
    ParameterType.PARAMETER_BOOL: ("boolean", "Boolean value is:"),
    ParameterType.PARAMETER_INTEGER: ("integer", "Integer value is:"),
    ParameterType.PARAMETER_DOUBLE: ("double", "Double value is:"),
    ParameterType.PARAMETER_STRING: ("string", "String value is:"),
    ParameterType.PARAMETER_BYTE_ARRAY: ("byte array", "Byte values are:"),
    ParameterType.PARAMETER_BOOL_ARRAY: ("boolean array", "Boolean values are:"),
    ParameterType.PARAMETER_INTEGER_ARRAY: ("integer array", "Integer values are:"),
    ParameterType.PARAMETER_DOUBLE_ARRAY: ("double array", "Double values are:"),
    ParameterType.PARAMETER_STRING_ARRAY: ("string array", "String values are:"),
}


def list_parameters(session: Session, asked: Namespace) -> None:
    if asked.node:
        _, names = _named(session, asked.node)
        print(*(f"  {name}" for name in names), sep="\n")
        return
    session.settle()
    for full in visible(session.nodes()):
        if f"{full}/list_parameters" in session.services():
            _, names = _named(session, full)
            print(f"{full}:", *(f"  {name}" for name in names), sep="\n")


def get(session: Session, asked: Namespace) -> None:
    client = _client(session, asked.node)
    (value,) = _answer(session, client.get_parameters([asked.name]), asked.node).values or [None]
    if value is None or value.type == ParameterType.PARAMETER_NOT_SET:
        raise CommandError(_no_parameter(session, asked))
    label, python = NAMES[value.type][1], parameter_value_to_python(value)
    print(python if asked.hide_type else f"{label} {python}")


def set_parameter(session: Session, asked: Namespace) -> None:
    client = _client(session, asked.node)
    wanted = Parameter(name=asked.name, value=get_parameter_value(asked.value))
    described = _describe(session, client, asked)
    if described.type == ParameterType.PARAMETER_DOUBLE and wanted.value.type == ParameterType.PARAMETER_INTEGER:
        wanted.value.type, wanted.value.double_value = described.type, float(wanted.value.integer_value)
    (result,) = _answer(session, client.set_parameters([wanted]), asked.node).results
    if not result.successful:
        raise CommandError(f"Setting parameter failed: {result.reason}")
    print("Set parameter successful" + (f": {result.reason}" if result.reason else ""))


def describe(session: Session, asked: Namespace) -> None:
    found = _describe(session, _client(session, asked.node), asked)
    print(f"Parameter name: {found.name}\n  Type: {NAMES.get(found.type, ('not set',))[0]}")
    if found.description:
        print(f"  Description: {found.description}")
    print("  Constraints:")
    if found.read_only:
        print("    Read only: true")
    for span in (*found.floating_point_range, *found.integer_range):
        print(f"    Min value: {span.from_value}\n    Max value: {span.to_value}\n    Step: {span.step}")
    if found.additional_constraints:
        print(f"    Additional constraints: {found.additional_constraints}")


def dump(session: Session, asked: Namespace) -> None:
    client, names = _named(session, asked.node)
    values = _answer(session, client.get_parameters(names), asked.node).values
    tree: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        *outer, last = name.split(".")
        branch = tree
        for part in outer:
            branch = branch.setdefault(part, {})
        python = parameter_value_to_python(value)
        branch[last] = python if isinstance(python, bool | int | float | str) else list(python or ())
    print(yaml.dump({session.absolute(asked.node): {"ros__parameters": tree}}, allow_unicode=True), end="")


def _client(session: Session, node: str) -> AsyncParameterClient:
    full = session.absolute(node)
    session.require_node(full)
    client = AsyncParameterClient(session.node, full)
    session.until(client.services_are_ready, lambda: f"{full} does not answer for its parameters.")
    return client


def _answer(session: Session, future: Any, node: str) -> Any:
    return session.answer(future, session.absolute(node))


def _named(session: Session, node: str) -> tuple[AsyncParameterClient, list[str]]:
    client = _client(session, node)
    return client, sorted(_answer(session, client.list_parameters(), node).result.names)


def _describe(session: Session, client: AsyncParameterClient, asked: Namespace) -> ParameterDescriptor:
    found = _answer(session, client.describe_parameters([asked.name]), asked.node).descriptors
    if not found or found[0].type == ParameterType.PARAMETER_NOT_SET:
        raise CommandError(_no_parameter(session, asked))
    return found[0]


def _no_parameter(session: Session, asked: Namespace) -> str:
    names = _named(session, asked.node)[1]
    return f"{session.absolute(asked.node)} has no parameter {asked.name}{near(asked.name, names)}."
