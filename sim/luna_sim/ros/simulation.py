"""Runs a world against the wall clock and shows it to ROS."""

import threading
import time
from collections.abc import Callable

import rclpy
from rclpy.signals import SignalHandlerOptions

from luna_executor import LeanExecutor
from luna_sim.core.geometry import clamp
from luna_sim.core.pace import Pace
from luna_sim.core.robot import RobotState
from luna_sim.core.world import STEP_NS, World
from luna_sim.estop_watch import EstopWatch
from luna_sim.ros.actions import RobotActions
from luna_sim.ros.control_node import ControlNode
from luna_sim.ros.crowd import CrowdTopic
from luna_sim.ros.robot_node import RobotNode

_STEP = STEP_NS / 1e9
_FEEDBACK = 0.1
"""Period of feedback in wall time, seconds."""
_BUSY, _IDLE = 0.02, 0.05
"""Pause between batches of steps, seconds of wall time."""
_BATCH = 0.02
"""Wall time after which a batch of steps ends, seconds: what is still owed is taken once the world was published."""
_LONGEST_BATCH = 0.1
"""Where publishing takes longer than `_BATCH`, a batch may take as long, but no longer than this."""
_BREATH = 0.001
"""Pause while steps are owed, seconds: callbacks that wait for the guard have it then (a lock that is taken again at
once is not given to whoever waits)."""
_END = 10.0
"""Seconds that `stop` waits for a thread: many times the longest step and what is published after it."""


class Simulation:
    """Owns the world, its nodes and two threads: one steps and publishes, one spins the executor.

    The executor's thread is apart so that a locked motion is told within a message's time, not a step's.
    """

    def __init__(
        self,
        world: World,
        speed: float,
        watch: EstopWatch,
        told: Callable[[str], None] = lambda _: None,
        *,
        power_saver: bool,
    ) -> None:
        """`told` gets a line for people whenever speed or faults have changed."""
        self._world = world
        self._pace = Pace(speed, _STEP, time.monotonic())
        self.guard = threading.RLock()
        """Held by whoever looks at the world or changes it while the simulation runs."""
        self._stop = threading.Event()
        self._executor = LeanExecutor()
        self._control = ControlNode(world, self._pace, self.guard, told)
        self._crowd = CrowdTopic(self._control, world)
        self._feedback_at = 0.0
        self._publishing = 0.0
        self._nodes = [
            RobotNode(robot, world, self.guard, watch, power_saver=power_saver) for robot in world.robots.values()
        ]
        self._actions = [RobotActions(node, world, self.guard, self._executor) for node in self._nodes]
        self._threads: list[threading.Thread] = []
        for node in [self._control, *self._nodes]:
            self._executor.add_node(node)

    def start(self, failed: Callable[[], None]) -> None:
        """Publish what is latched, then run both threads until `stop`; `failed` is called when one of them dies."""
        for node in self._nodes:
            node.publish_latched()
        for body in (self._spin, self._run):
            thread = threading.Thread(target=_watched, args=(body, failed), name=body.__name__, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End both threads and destroy the nodes.

        Raises:
            RuntimeError: a thread did not end in time; its nodes are left to it.
        """
        self._stop.set()
        self._executor.wake()
        until = time.monotonic() + _END
        for thread in self._threads:
            thread.join(timeout=max(0.0, until - time.monotonic()))
        if running := [thread.name for thread in self._threads if thread.is_alive()]:
            raise RuntimeError(f"the simulation's {' and '.join(running)} did not end within {_END:g} s")
        self._executor.shutdown(timeout_sec=1.0)
        for node in [*self._nodes, self._control]:
            node.destroy_node()

    def snapshot(self) -> tuple[int, dict[str, RobotState]]:
        """Time and robots as they are now."""
        with self.guard:
            return self._world.time_ns, dict(self._world.states())

    def _spin(self) -> None:
        while not self._stop.is_set():
            self._executor.spin_once(timeout_sec=1.0)

    def _run(self) -> None:
        pause = _BUSY
        while not self._stop.wait(pause):
            all_taken = self._step()
            began = time.monotonic()
            with self.guard:
                self._publish()
            self._publishing = time.monotonic() - began
            pause = self._pause() if all_taken else _BREATH

    def _step(self) -> bool:
        """Take the steps that are due, as many as fit into a batch; says whether those were all."""
        now = time.monotonic()
        until = now + clamp(self._publishing, _BATCH, _LONGEST_BATCH)
        due = self._pace.due(now)
        for taken in range(1, due + 1):
            with self.guard:
                self._world.step()
            self._pace.took(1)
            if self._stop.is_set() or time.monotonic() >= until:
                return taken == due
        return True

    def _pause(self) -> float:
        busy = any(robot.active for robot in self._world.robots.values())
        return _BUSY if busy else max(_BUSY, _IDLE / max(1.0, self._pace.factor))

    def _publish(self) -> None:
        now = time.monotonic()
        self._control.publish()
        self._crowd.publish(self._world.time_ns)
        tell = now - self._feedback_at >= _FEEDBACK
        for node, actions in zip(self._nodes, self._actions, strict=True):
            node.publish()
            actions.settle()
            if tell:
                actions.publish_feedback()
        if tell:
            self._feedback_at = now


def _watched(body: Callable[[], None], failed: Callable[[], None]) -> None:
    """Run a thread's body; the traceback goes to stderr by threading's own hook."""
    try:
        body()
    except BaseException:
        failed()
        raise


def make_context() -> None:
    """Start ROS; signals stay with the main program."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)


def close_context() -> None:
    """End ROS."""
    rclpy.try_shutdown()
