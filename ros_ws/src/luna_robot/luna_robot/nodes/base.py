"""What the supervisor tells the base itself, past the navigation and twist_mux."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from action_msgs.srv import CancelGoal
from geometry_msgs.msg import Twist, TwistStamped
from irobot_create_msgs.srv import EStop
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future

from luna_robot.nodes.common import RELIABLE, steady
from luna_robot.safety.hold import Hold
from luna_robot.safety.power import Order, PowerSwitch

DRIVES = ("dock", "undock")
"""Actions by which a Create 3 drives itself, as far as a TurtleBot 4 passes them on."""


class Base:
    """`on_power` is told when the power that was taken may be another."""

    def __init__(self, node: Node, *, stamped: bool, power_taken: bool, on_power: Callable[[], None]) -> None:
        """``stamped``: whether the base takes velocities as TwistStamped, else as Twist."""
        self._node = node
        self._stamped = stamped
        self._on_power = on_power
        self._hold = Hold()
        self._power = PowerSwitch(power_taken)
        self._velocity = node.create_publisher(TwistStamped if stamped else Twist, "cmd_vel", RELIABLE)
        self._e_stop = _Calls(node.create_client(EStop, "e_stop"))
        self._cancels = [_Calls(node.create_client(CancelGoal, f"{name}/_action/cancel_goal")) for name in DRIVES]

    @property
    def power_taken(self) -> bool:
        """Whether the power of the motors may have been taken from here."""
        return self._power.taken

    def stand(self) -> None:
        """The zero velocity."""
        if not self._stamped:
            self._velocity.publish(Twist())
            return
        message = TwistStamped()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.header.frame_id = "base_link"
        self._velocity.publish(message)

    def hold(self, locked: bool) -> None:
        """At every tick: what a lock asks for while it lasts."""
        due = self._hold.due(locked, steady())
        if due.zero:
            self.stand()
        if due.call_off:
            for cancel in self._cancels:
                cancel.call(CancelGoal.Request())  # without an id: every goal

    def switch_power(self, cut: bool) -> None:
        """Create 3's own emergency stop, where it exists."""
        if not self._e_stop.ready():
            self._e_stop.forget()
            self._power.away()
            return
        order = self._power.order(cut, steady())
        if order is not None:
            self._on_power()
            self._e_stop.call(EStop.Request(e_stop_on=order.cut), lambda answer: self._switched(order, answer))

    def _switched(self, order: Order, answer: EStop.Response) -> None:
        self._power.answered(order, bool(answer.success))
        self._on_power()


class _Calls:
    """A service of which the newest call alone counts: one that is mute must not be owed ever more answers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked: Future | None = None

    def ready(self) -> bool:
        return bool(self._client.service_is_ready())

    def call(self, request: Any, on_answer: Callable[[Any], None] = lambda _: None) -> None:
        """If it is there."""
        self.forget()
        if self.ready():
            self._asked = self._client.call_async(request)
            self._asked.add_done_callback(lambda future: on_answer(future.result()))

    def forget(self) -> None:
        """Its answer, if it still comes, goes unheard."""
        if self._asked is not None:
            self._client.remove_pending_request(self._asked)
            self._asked = None
