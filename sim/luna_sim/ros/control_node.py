"""The simulator's own node: /clock, how fast it runs, and the faults that people ask for."""

import json
import threading
from collections.abc import Callable
from typing import Any

import yaml
from luna_sim_msgs.srv import InjectFault
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String
from std_srvs.srv import Trigger

from luna_sim.core.faults import FaultError, parse_fault
from luna_sim.core.pace import FASTEST, SLOWEST, Pace
from luna_sim.core.world import World
from luna_sim.ros.messages import time_msg
from luna_sim.ros.periods import due
from luna_sim.ros.qos import LATCHED

_CLOCK_NS = 50_000_000
"""Period of /clock in simulated time."""
_SPEED = "speed"


class ControlNode(Node):
    """Callbacks run in the executor's thread, `publish` in the simulation's; `guard` protects world and pace.

    Topic `~/state` (JSON, latched): `speed` asked for and reached, `faults` that wait or hold, and `newest`, the number
    of the fault that was asked for last: who asked for it sees whether what is told is from before. Services
    `~/inject_fault` and `~/clear_faults`; parameter `speed`.
    """

    def __init__(self, world: World, pace: Pace, guard: threading.RLock, told: Callable[[str], None]) -> None:
        """`told` gets a line for people whenever something about speed or faults has changed."""
        quiet = [Parameter("start_type_description_service", value=False)]
        super().__init__("luna_sim", enable_rosout=False, parameter_overrides=quiet)
        self._world, self._pace, self._guard, self._told = world, pace, guard, told
        self._clock_topic = self.create_publisher(Clock, "/clock", 1)
        self._state = self.create_publisher(String, "~/state", LATCHED)
        self._clock_at = -_CLOCK_NS
        self._newest = 0
        self._shown: tuple[object, ...] = ()
        self.create_service(InjectFault, "~/inject_fault", self._on_inject)
        self.create_service(Trigger, "~/clear_faults", self._on_clear)
        bounds = FloatingPointRange(from_value=SLOWEST, to_value=FASTEST)
        about = ParameterDescriptor(description="times real time", floating_point_range=[bounds])
        self.declare_parameter(_SPEED, pace.factor, about)
        self.add_on_set_parameters_callback(self._on_parameters)

    def publish(self) -> None:
        """Publish what is due; called with the guard held."""
        ns = self._world.time_ns
        if due(ns, self._clock_at, _CLOCK_NS):
            self._clock_topic.publish(Clock(clock=time_msg(ns)))
            self._clock_at = ns
        pace = self._pace
        # What is reached is never quite what was asked for: one part in twenty is no news.
        shown = (pace.factor, round(20.0 * pace.reached / pace.factor), self._world.faults.changes)
        if shown != self._shown:
            self._shown = shown
            self._state.publish(String(data=json.dumps(self._described())))
            self._told(self._in_words())

    def _described(self) -> dict[str, Any]:
        board = self._world.faults
        return {
            "speed": {"asked": self._pace.factor, "reached": round(self._pace.reached, 2)},
            "newest": self._newest,
            "faults": [
                {"number": entry.number, "holds": holds, **entry.fault.entry()}
                for holds, entries in ((True, board.holding), (False, board.waiting))
                for entry in entries
            ],
        }

    def _in_words(self) -> str:
        speed = f"{self._pace.factor:g}x asked, {self._pace.reached:.2g}x reached"
        faults = [f"{e.fault.kind} {e.fault.robot or ''}".strip() for e in self._world.faults.holding]
        return "; ".join([speed, *faults])

    def _on_inject(self, request: InjectFault.Request, response: InjectFault.Response) -> InjectFault.Response:
        try:
            with self._guard:
                fault = parse_fault(_entry(request), self._world.robots)
                response.number = self._newest = self._world.faults.put(fault).number
        except FaultError as error:
            response.message = str(error)
            return response
        response.success = True
        return response

    def _on_clear(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._guard:
            count = self._world.faults.clear()
        response.success, response.message = True, f"{count} faults cleared"
        return response

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name == _SPEED:
                if not isinstance(parameter.value, float):
                    return SetParametersResult(successful=False, reason=f"{_SPEED} is a number such as 2.0")
                with self._guard:
                    self._pace.factor = parameter.value
        return SetParametersResult(successful=True)


def _entry(request: InjectFault.Request) -> dict[str, Any]:
    """A request as a scenario file would have it. Raises FaultError."""
    try:
        values = yaml.safe_load(request.values) or {}
    except yaml.YAMLError as error:
        raise FaultError(f"values: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise FaultError(f"values: {request.values!r} is not a mapping such as {{x: 10.2, y: 5.0}}")
    head = {"fault": request.kind, "robot": request.robot or None, "at": request.at, "for": request.duration or None}
    return {**values, **head}
