"""The command line: ros2cli's words, and two options of our own before them."""

from __future__ import annotations

from argparse import REMAINDER, ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any

from luna_ros_cli.interfaces import KINDS

Add = Callable[..., ArgumentParser]


def parser(prog: str) -> ArgumentParser:
    """For all commands; what is parsed has `group` and `verb`."""
    top = ArgumentParser(
        prog=prog,
        description="What `ros2` does with topics, nodes, services, actions, parameters and interfaces.",
        allow_abbrev=False,
    )
    top.add_argument("--robot", default="", metavar="NAME", help="namespace of names that do not begin with /")
    top.add_argument(
        "--wait", type=positive, default=10.0, metavar="S", help="seconds to wait for a name to show, and for answers"
    )
    groups = top.add_subparsers(dest="group", required=True, metavar="topic|node|service|action|param|interface|run")
    for group, add_verbs in GROUPS.items():
        verbs = groups.add_parser(group, allow_abbrev=False).add_subparsers(dest="verb", required=True)
        add_verbs(_adding(verbs))
    run = groups.add_parser("run", help="A program of a package, with its arguments", allow_abbrev=False)
    run.add_argument("package")
    run.add_argument("executable")
    run.add_argument("arguments", nargs=REMAINDER)
    return top


def positive(word: str) -> float:
    """A number above 0."""
    value = float(word)
    if not 0 < value < 1e6:
        raise ArgumentTypeError(f"{word} is not above 0")
    return value


def count(word: str) -> int:
    """A whole number above 0."""
    value = int(word)
    if value < 1:
        raise ArgumentTypeError(f"{word} is not above 0")
    return value


def _adding(verbs: Any) -> Add:
    def add(name: str, help_text: str, *positionals: str) -> ArgumentParser:
        one: ArgumentParser = verbs.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        for positional in positionals:
            if positional.endswith("?"):
                one.add_argument(positional[:-1], nargs="?", default="")
            else:
                one.add_argument(positional)
        return one

    return add


def _topic(add: Add) -> None:
    one = add("list", "Names of all topics")
    _types(one)
    one.add_argument("--include-hidden-topics", action="store_true")
    add("info", "Type and ends of a topic", "topic").add_argument("-v", "--verbose", action="store_true")
    one = add("echo", "Messages as they come", "topic", "type?")
    one.add_argument("--once", action="store_true", help="one message")
    one.add_argument("-n", "--times", type=count, metavar="N", help="so many messages")
    one.add_argument("--field", default="", help="one field of it, such as pose.position")
    one.add_argument("--timeout", type=positive, default=30.0, help="with --once and -n: seconds to wait for them")
    one.add_argument("-f", "--full-length", action="store_true", help="cut nothing")
    one.add_argument("-l", "--truncate-length", type=count, default=128)
    one = add("hz", "How often messages come", "topic")
    one.add_argument("-w", "--window", type=count, default=10000, help="messages that are reckoned with")
    one.add_argument("-n", "--times", type=count, metavar="N", help="end after so many reports, one a second")
    one = add("pub", "Publish a message", "topic", "type", "values?")
    one.add_argument("-1", "--once", action="store_true")
    one.add_argument("-t", "--times", type=count)
    one.add_argument("-r", "--rate", type=positive, default=1.0, help="Hz")
    one.add_argument("-w", "--wait-matching-subscriptions", type=int, help="with --once and -t: 1, else 0")
    one.add_argument("--keep-alive", type=positive, default=0.1, help="seconds to stay after the last one")
    one.add_argument("--qos-durability", choices=["volatile", "transient_local"], default="volatile")


def _node(add: Add) -> None:
    add("list", "Names of all nodes").add_argument("-a", "--all", action="store_true", help="hidden ones, too")
    add("info", "What a node has", "node").add_argument("--include-hidden", action="store_true")


def _service(add: Add) -> None:
    one = add("list", "Names of all services")
    _types(one)
    one.add_argument("--include-hidden-services", action="store_true")
    add("type", "Type of a service", "service")
    add("call", "Call a service", "service", "type", "values?")


def _action(add: Add) -> None:
    _types(add("list", "Names of all actions"))
    _types(add("info", "Ends of an action", "action"))
    one = add("send_goal", "Send a goal and wait for its result", "action", "type", "goal")
    one.add_argument("-f", "--feedback", action="store_true")
    one.add_argument("-t", "--timeout", type=positive, default=600.0, help="seconds; then the goal is cancelled")


def _param(add: Add) -> None:
    add("list", "Names of a node's parameters, or of all nodes'", "node?")
    add("get", "A parameter's value", "node", "name").add_argument("--hide-type", action="store_true")
    add("set", "Set a parameter", "node", "name", "value")
    add("describe", "What a parameter is", "node", "name")
    add("dump", "All parameters of a node as YAML", "node")


def _interface(add: Add) -> None:
    one = add("list", "Names of all interfaces")
    for kind, title in KINDS.items():
        one.add_argument(f"-{kind[0]}", f"--only-{kind}s", action="store_true", help=f"only {title.lower()}")
    one = add("show", "Definition of an interface", "type")
    one.add_argument("--all-comments", action="store_true", help="those of nested ones, too")
    one.add_argument("--no-comments", action="store_true")


def _types(one: ArgumentParser) -> None:
    one.add_argument("-t", "--show-types", action="store_true")


GROUPS = {
    "topic": _topic,
    "node": _node,
    "service": _service,
    "action": _action,
    "param": _param,
    "interface": _interface,
}
