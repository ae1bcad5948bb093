"""Calls of several services at once, that all are answered or given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from luna_robot.navigation.deadlines import Deadlines


class Client(Protocol):
    """What rclpy's clients of services have."""

    def call_async(self, request: Any) -> Any: ...

    def remove_pending_request(self, future: Any) -> None: ...


def ask_all(
    clients: Sequence[Client], request: Any, deadlines: Deadlines, seconds: float, on_done: Callable[[bool], None]
) -> None:
    """Report once: True when all have answered, False when the time was over first.

    What was not answered in time is given up: rclpy would keep it for ever, one more for each try.
    """
    calls = [(client, client.call_async(request)) for client in clients]

    def done(answered: bool) -> None:
        for client, call in calls:
            client.remove_pending_request(call)
        on_done(answered)

    deadlines.gather([call for _, call in calls], seconds, done)
