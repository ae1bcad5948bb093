"""What is taken when the node's own timer comes round wakes nobody before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock as ClockMessage

from luna_executor import LeanExecutor
from luna_robot.nodes.polled import PolledClock
from tests.domains import Domain

SPUN = 0.5
SIMULATED = [Parameter("use_sim_time", value=True)]


class Simulation:
    """A node that hears a simulation's clock, and who tells it."""

    def __init__(self, context: Context) -> None:
        self.node = Node("robot", context=context, parameter_overrides=SIMULATED)
        self.clock = PolledClock(self.node)
        self.executor = LeanExecutor(context=context)
        self.executor.add_node(self.node)
        self._clock = self.node.create_publisher(ClockMessage, "/clock", 1)

    @property
    def now(self) -> float:
        """Seconds."""
        return self.node.get_clock().now().nanoseconds / 1e9

    def tell(self, seconds: int) -> None:
        end = time.monotonic() + 10.0
        while not self._clock.get_subscription_count() and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)
        message = ClockMessage()
        message.clock.sec = seconds
        self._clock.publish(message)

    def idle(self) -> float:
        """Spin for a while; the share of processor time that it took."""
        end, begun = time.monotonic() + SPUN, time.thread_time()
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=SPUN)
        return (time.thread_time() - begun) / SPUN

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with closing(Domain()) as domain:
        context = Context()
        rclpy.init(context=context, domain_id=domain.number)
        with closing(Simulation(context)) as simulation:
            yield simulation
        context.try_shutdown()


def test_the_time_of_a_simulation_is_that_of_the_last_poll_and_costs_nothing_until_then(simulation: Simulation):
    simulation.tell(1)
    assert simulation.idle() < 0.25 and simulation.now == 0.0
    simulation.clock.poll()
    assert simulation.now == 1.0


def test_it_is_no_matter_when_the_node_is_told_that_it_is_in_a_simulation(simulation: Simulation):
    simulation.node.set_parameters([Parameter("use_sim_time", value=False)])
    simulation.clock.poll()
    assert abs(simulation.now - time.time()) < 60.0
    simulation.node.set_parameters(SIMULATED)
    simulation.clock.poll()
    simulation.tell(2)
    assert simulation.idle() < 0.25 and simulation.now == 0.0
    simulation.clock.poll()
    assert simulation.now == 2.0
