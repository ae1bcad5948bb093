"""What every node needs: heartbeats, one timer, quality of service, work in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future as ThreadFuture
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

from luna_interfaces.msg import NodeHeartbeat
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data

from luna_robot.nodes.polled import PolledClock

LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
RELIABLE = QoSProfile(depth=10)
SENSOR = qos_profile_sensor_data
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
HEARTBEAT_PERIOD = 0.2


def steady() -> float:
    """Seconds of the steady clock, which no one sets."""
    return time.monotonic()


T = TypeVar("T")


class Heard(Generic[T]):
    """What another process said last, and when: seconds of the steady clock."""

    def __init__(self, unheard: T) -> None:
        self.last = unheard
        self._at = float("-inf")

    def hear(self, said: T, now: float) -> None:
        self.last, self._at = said, now

    def within(self, seconds: float, now: float) -> bool:
        """Whether it was said so short a time ago."""
        return now - self._at <= seconds


class Ticking(Protocol):
    """A node whose periodic work is done by whoever composes it, so that a process has one timer."""

    def tick(self) -> None:
        """To be called every HEARTBEAT_PERIOD."""


def tick_together(node: Node, ticking: Sequence[Ticking]) -> None:
    """A timer of the node for all of them, in that order: each wake-up of a process costs more than what it does.

    On the steady clock, as the supervisor watches: a simulation that runs faster needs no more signs of life. First of
    all comes a simulation's time.
    """
    clocks = [PolledClock(one) for one in dict.fromkeys((node, *ticking)) if isinstance(one, Node)]

    def tick() -> None:
        for clock in clocks:
            clock.poll()
        for one in ticking:
            one.tick()

    node.create_timer(HEARTBEAT_PERIOD, tick, clock=Clock(clock_type=ClockType.STEADY_TIME))


class Heartbeat:
    """Tells the safety supervisor five times a second that the node is alive."""

    def __init__(self, node: Node, moving_allowed: Callable[[], bool] = lambda: True) -> None:
        self._publisher = node.create_publisher(NodeHeartbeat, "node_heartbeat", RELIABLE)
        self._message = NodeHeartbeat(node=node.get_name())
        self._moving_allowed = moving_allowed

    def beat(self) -> None:
        self._message.seq += 1
        self._message.moving_allowed = self._moving_allowed()
        self._publisher.publish(self._message)


class Worker:
    """One thread for what may block; results come back on the node's executor."""

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    def submit(self, job: Callable[[], Any], on_done: Callable[[ThreadFuture[Any]], None]) -> None:
        self._pool.submit(job).add_done_callback(lambda future: self._hand_over(future, on_done))

    def _hand_over(self, future: ThreadFuture[Any], on_done: Callable[[ThreadFuture[Any]], None]) -> None:
        executor = self._node.executor
        if executor is not None:
            executor.create_task(on_done, future)

    def close(self) -> None:
        """Waits for the job in hand."""
        self._pool.shutdown(wait=True)


class JournalWriter:
    """Runs writes of the journal in a worker; only its own errors are reported, others are bugs and end the process."""

    def __init__(self, worker: Worker, error_type: type[Exception]) -> None:
        self._worker = worker
        self._error_type = error_type

    def run(self, job: Callable[[], None], on_done: Callable[[Any], None]) -> None:
        def done(future: ThreadFuture[Any]) -> None:
            error = future.exception()
            if error is not None and not isinstance(error, self._error_type):
                raise error
            on_done(error)

        self._worker.submit(job, done)
