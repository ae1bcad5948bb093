"""A node of the command's own, and waits that end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from rclpy.action import get_action_names_and_types
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from luna_ros_cli.errors import CommandError, near

T = TypeVar("T")
LOOK_EVERY = 0.05
SETTLED_WITHIN = 8.0


class Session:
    """``robot`` is the namespace of relative names; ``patience``: seconds to wait for a name or an answer.

    ``quiet``: seconds without anything new after which the graph counts as known.
    """

    def __init__(self, robot: str = "", patience: float = 10.0, quiet: float = 1.5) -> None:
        self.robot, self.patience, self.quiet = robot, patience, quiet
        self.context = Context()

    def __enter__(self) -> Self:
        import rclpy

        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        name = f"_luna_ros_{time.monotonic_ns() % 10**9}"  # hidden, as that of ros2cli
        self.node = Node(name, context=self.context, start_parameter_services=False, enable_rosout=False)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()

    def absolute(self, name: str) -> str:
        """A name from the root on."""
        space = f"/{self.robot.strip('/')}".rstrip("/")
        return name if name.startswith("/") else f"{space}/{name}"

    # --- waits ---

    def until(self, look: Callable[[], T | None], refusal: Callable[[], str], seconds: float | None = None) -> T:
        """The first truthy answer of ``look``. Raises CommandError with what ``refusal`` says then."""
        end = time.monotonic() + (self.patience if seconds is None else seconds)
        while not (found := look()):
            if time.monotonic() >= end:
                raise CommandError(refusal())
            self.spin(LOOK_EVERY)
        return found

    def answer(self, future: Future, what: str, seconds: float | None = None) -> Any:
        """The result of a future. Raises CommandError if there is none in time."""
        wait = self.patience if seconds is None else seconds
        self.until(future.done, lambda: f"{what}: no answer within {wait:g} s.", wait)
        return future.result()

    def spin(self, seconds: float) -> None:
        """Let callbacks run for a moment."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=min(left, LOOK_EVERY))

    def settle(self) -> None:
        """Wait until somebody, and then for a while nothing new, has been found."""
        end = time.monotonic() + SETTLED_WITHIN
        seen, since = self._extent(), time.monotonic()
        while time.monotonic() < end and (time.monotonic() < since + self.quiet or not self.nodes()):
            self.spin(LOOK_EVERY)
            if (now := self._extent()) != seen:
                seen, since = now, time.monotonic()

    def _extent(self) -> tuple[int, int, int]:
        node = self.node
        names, services = node.get_node_names(), node.get_service_names_and_types()
        return len(names), len(node.get_topic_names_and_types()), len(services)

    # --- what there is ---

    def topics(self) -> dict[str, list[str]]:
        return dict(self.node.get_topic_names_and_types())

    def services(self) -> dict[str, list[str]]:
        return dict(self.node.get_service_names_and_types())

    def actions(self) -> dict[str, list[str]]:
        return dict(get_action_names_and_types(self.node))

    def nodes(self) -> list[str]:
        """Full names of all other nodes."""
        found = (f"{space.rstrip('/')}/{name}" for name, space in self.node.get_node_names_and_namespaces())
        return sorted(name for name in found if name != f"/{self.node.get_name()}")

    def types_of(self, kind: str, name: str) -> list[str]:
        """Types of a topic, service or action. Raises CommandError if it does not show."""
        known = {"topic": self.topics, "service": self.services, "action": self.actions}[kind]
        return self.until(lambda: known().get(name), lambda: missing(kind, name, visible(known())))

    def require_node(self, name: str) -> tuple[str, str]:
        """Name and namespace of a node. Raises CommandError if it does not show."""
        self.until(lambda: name in self.nodes(), lambda: missing("node", name, visible(self.nodes())))
        space, _, last = name.rpartition("/")
        return last, space or "/"


def missing(kind: str, name: str, known: Iterable[str]) -> str:
    return f"There is no {kind} {name}{near(name, known)}."


def visible(names: Iterable[str]) -> list[str]:
    """Without hidden ones, of which a part begins with an underscore."""
    return sorted(name for name in names if "/_" not in name)
