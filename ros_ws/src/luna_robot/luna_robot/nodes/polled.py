"""Subscriptions that wake nobody: what has come in is taken when the node's own timer comes round.

A wake-up of an executor, with all that it waits for, costs more than the message that it wakes for. Odometry and
transforms come 20 to 100 times a second and are looked at five or ten times; signs of life need no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile


class _NeverWaitedFor(CallbackGroup):
    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        """Nothing was begun."""


class PolledSubscription:
    """`poll` hands over every message that has come since, oldest first; `qos` bounds how many are kept."""

    def __init__(
        self, node: Node, kind: type[Any], topic: str, callback: Callable[[Any], None], qos: QoSProfile
    ) -> None:
        self._callback = callback
        self._subscription = node.create_subscription(kind, topic, callback, qos, callback_group=_NeverWaitedFor())

    def poll(self) -> None:
        handle = self._subscription.handle
        with handle:
            while (taken := handle.take_message(self._subscription.msg_type, False)) is not None:
                self._callback(taken[0])
