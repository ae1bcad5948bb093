"""The ROS goals that wait for the delivery in hand: there may be several, each connection of the web tier one."""

from __future__ import annotations

from collections.abc import Iterable

from luna_interfaces.action import ExecuteDelivery
from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future

from luna_robot import conversions
from luna_robot.delivery.model import Delivery
from luna_robot.navigation.port import Progress

MAX_ATTACHED = 16
FEEDBACK_EVERY = 5
"""Ticks between two pieces of feedback where nothing has changed."""
Identity = tuple[str, int]


def _identity(delivery: Delivery) -> Identity:
    return delivery.delivery_id, delivery.attempt


class AttachedGoals:
    def __init__(self) -> None:
        self._waiting: list[tuple[Identity, ServerGoalHandle, Future]] = []
        self._told: Delivery | None = None
        self._quiet = 0

    def attach(self, handle: ServerGoalHandle, delivery: Delivery) -> Future:
        """Done with the finished delivery. The oldest gets what is known so far when there are too many."""
        future = Future()
        self._waiting.append((_identity(delivery), handle, future))
        self._told = None
        if len(self._waiting) > MAX_ATTACHED:
            self._waiting.pop(0)[2].set_result(delivery)
        return future

    def finish(self, finished: Iterable[Delivery]) -> None:
        for delivery in finished:
            for identity, _, future in self._waiting:
                if identity == _identity(delivery):
                    future.set_result(delivery)
        self._waiting = [waiting for waiting in self._waiting if not waiting[2].done()]

    def feed_back(self, active: Delivery | None, progress: Progress) -> None:
        """At once on a change, else now and then."""
        self._quiet += 1
        if active is None or (active is self._told and self._quiet < FEEDBACK_EVERY):
            return
        self._told, self._quiet = active, 0
        feedback = ExecuteDelivery.Feedback(state=conversions.delivery_state(active, progress))
        for identity, handle, _ in self._waiting:
            if identity == _identity(active):
                handle.publish_feedback(feedback)
