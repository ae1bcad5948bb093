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
from rclpy.subscription import Subscription
from rclpy.time_source import CLOCK_TOPIC
from rosgraph_msgs.msg import Clock


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
        _take_all(self._subscription, self._callback)


class PolledClock:
    """The time of a simulation (`use_sim_time`), which comes ten times a second to every node, as of the last `poll`.

    Only stamps and stopwatches read it: what must not be late counts on the steady clock.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._never = _NeverWaitedFor()
        self._take_over()

    def poll(self) -> None:
        for one in self._take_over():
            _take_all(one, one.callback)

    def _take_over(self) -> list[Subscription]:
        """The subscription that rclpy makes and destroys as `use_sim_time` says, also while the node runs."""
        found = [one for one in self._node.subscriptions if one.msg_type is Clock and one.topic_name == CLOCK_TOPIC]
        for one in found:
            if one.callback_group is not self._never:
                self._keep_quiet(one)
        return found

    def _keep_quiet(self, clock: Subscription) -> None:
        clock.callback_group = self._never
        handlers: Any = clock.event_handlers
        for handler in handlers:  # they too wake up as long as a message has not been taken
            handler.callback_group = self._never
        if self._node.executor is not None:
            self._node.executor.wake()


def _take_all(subscription: Subscription, callback: Callable[[Any], None]) -> None:
    handle = subscription.handle
    with handle:
        while (taken := handle.take_message(subscription.msg_type, False)) is not None:
            callback(taken[0])
