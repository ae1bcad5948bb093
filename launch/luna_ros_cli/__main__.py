"""Runs one command: `python -m luna_ros_cli topic list`."""

from __future__ import annotations

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from luna_ros_cli import interfaces
from luna_ros_cli.arguments import parser
from luna_ros_cli.errors import CommandError
from luna_ros_cli.programs import become_program

if TYPE_CHECKING:
    from luna_ros_cli.session import Session

FAILED, INTERRUPTED = 1, 130


def main(words: Sequence[str], opened: Callable[[str, float], AbstractContextManager[Session]] | None = None) -> int:
    """The exit code: 0, 1 where it could not be done, 130 where the person ended it; 2 comes from argparse.

    ``opened`` gives a session for a namespace and a patience in seconds.
    """
    asked = parser("./luna ros").parse_args(words)
    try:
        if asked.group == "interface":
            _interface(asked)
        elif asked.group == "run":
            become_program(asked.package, asked.executable, asked.arguments)
        else:
            _in_session(asked, opened)
    except CommandError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _in_session(asked: Namespace, opened: Callable[[str, float], AbstractContextManager[Session]] | None) -> None:
    # rclpy takes most of a second to come, which wrong usage need not wait for
    from luna_ros_cli import actions, nodes, params, services, topics
    from luna_ros_cli.session import Session

    commands: dict[tuple[str, str], Callable[[Session, Namespace], None]] = {
        ("topic", "list"): topics.list_topics,
        ("topic", "info"): topics.info,
        ("topic", "echo"): topics.echo,
        ("topic", "hz"): topics.hz,
        ("topic", "pub"): topics.pub,
        ("node", "list"): nodes.list_nodes,
        ("node", "info"): nodes.info,
        ("service", "list"): services.list_services,
        ("service", "type"): services.show_type,
        ("service", "call"): services.call,
        ("action", "list"): actions.list_actions,
        ("action", "info"): actions.info,
        ("action", "send_goal"): actions.send_goal,
        ("param", "list"): params.list_parameters,
        ("param", "get"): params.get,
        ("param", "set"): params.set_parameter,
        ("param", "describe"): params.describe,
        ("param", "dump"): params.dump,
    }
    with (opened or Session)(asked.robot, asked.wait) as session:
        commands[asked.group, asked.verb](session, asked)


def _interface(asked: Namespace) -> None:
    if asked.verb == "show":
        for line in interfaces.shown(asked.type, not asked.no_comments, asked.all_comments):
            print(line)
        return
    chosen = [kind for kind in interfaces.KINDS if getattr(asked, f"only_{kind}s")]
    for kind in chosen or interfaces.KINDS:
        print(f"{interfaces.KINDS[kind]}:")
        for name in interfaces.all_names(kind):
            print(f"    {name}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a goal that was sent is cancelled then, too
    sys.exit(main(sys.argv[1:]))
