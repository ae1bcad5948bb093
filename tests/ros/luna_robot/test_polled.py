"""What is taken when the node's own timer comes round wakes nobody before."""

from __future__ import annotations

import time
from contextlib import closing

import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from luna_executor import LeanExecutor
from luna_robot.nodes.polled import PolledClock
from tests.domains import Domain

SPUN = 0.5
SIMULATED = [Parameter("use_sim_time", value=True)]


def test_the_time_of_a_simulation_is_that_of_the_last_poll_and_costs_nothing_until_then():
    with closing(Domain()) as domain:
        context = Context()
        rclpy.init(context=context, domain_id=domain.number)
        node = Node("robot", context=context, parameter_overrides=SIMULATED)
        told = node.create_publisher(Clock, "/clock", 1)
        clock = PolledClock(node)
        executor = LeanExecutor(context=context)
        executor.add_node(node)
        end = time.monotonic() + 10.0
        while not told.get_subscription_count() and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)
        message = Clock()
        message.clock.sec = 1
        told.publish(message)
        end, begun = time.monotonic() + SPUN, time.thread_time()
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=SPUN)
        assert time.thread_time() - begun < SPUN / 4
        assert node.get_clock().now().nanoseconds == 0
        clock.poll()
        assert node.get_clock().now().nanoseconds == 10**9
        for simulated in (False, True):  # as an operator may have it while the node runs
            node.set_parameters([Parameter("use_sim_time", value=simulated)])
            clock.poll()
            assert node.get_clock().ros_time_is_active is simulated
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()
