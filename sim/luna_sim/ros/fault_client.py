"""The other end of the simulator's services: asks, with a deadline for every answer."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import rclpy
import yaml
from luna_sim_msgs.srv import InjectFault
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import Trigger

from luna_sim.core.faults import FaultError
from luna_sim.ros.qos import LATCHED

_HEAD = ("fault", "robot", "at", "for")


class Unanswered(Exception):
    """No simulator answers."""


class FaultClient:
    """Talks to the one simulator of this ROS domain; `deadline` in seconds is for each answer."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def __enter__(self) -> Self:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        quiet = [Parameter("start_type_description_service", value=False)]
        self._node = Node(
            "luna_sim_faulting", enable_rosout=False, start_parameter_services=False, parameter_overrides=quiet
        )
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._inject = self._node.create_client(InjectFault, "/luna_sim/inject_fault")
        self._clear = self._node.create_client(Trigger, "/luna_sim/clear_faults")
        self._state: dict[str, Any] | None = None
        self._node.create_subscription(String, "/luna_sim/state", self._on_state, LATCHED)
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(timeout_sec=1.0)
        self._node.destroy_node()
        rclpy.try_shutdown()

    def inject(self, entry: Mapping[str, Any]) -> int:
        """The fault's number. Raises FaultError if it can't be, Unanswered."""
        request = InjectFault.Request(kind=str(entry["fault"]), robot=str(entry.get("robot") or ""))
        for field, key in (("at", "at"), ("duration", "for")):
            if (value := entry.get(key)) is not None:
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise FaultError(f"{key}: {value!r} is not a number of seconds")
                setattr(request, field, float(value))
        request.values = yaml.safe_dump({k: v for k, v in entry.items() if k not in _HEAD})
        answer = self._ask(self._inject, request)
        if not answer.success:
            raise FaultError(answer.message)
        return int(answer.number)

    def clear(self) -> str:
        """What the simulator says to it. Raises Unanswered."""
        return str(self._ask(self._clear, Trigger.Request()).message)

    def state(self) -> dict[str, Any]:
        """Speed and faults, as the simulator told them last. Raises Unanswered."""
        self._until(lambda: self._state is not None)
        # What was told while nobody looked.
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.01)
        assert self._state is not None  # noqa: S101 - for the type checker
        return self._state

    def _on_state(self, message: String) -> None:
        self._state = json.loads(message.data)

    def _ask(self, client: Any, request: Any) -> Any:
        self._until(client.service_is_ready)
        # A service that was discovered a moment ago may lose its first answer; a second call would be a second fault.
        answer = client.call_async(request)
        self._until(answer.done)
        return answer.result()

    def _until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + self._deadline
        while not holds():
            if time.monotonic() > end:
                raise Unanswered("No simulator answers in this ROS domain.")
            self._executor.spin_once(timeout_sec=0.05)
