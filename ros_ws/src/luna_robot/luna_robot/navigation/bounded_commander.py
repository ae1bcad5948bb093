"""BasicNavigator with every wait bounded. All but the flags of a `Call` belongs to one thread.

BasicNavigator waits without end: for servers (`while not client.wait_for_server(…)`) and for answers (spinning). Its
clients are replaced by ones of which every wait ends with an exception once the call is given up. Nothing here knows
the time: whoever gave the order gives it up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import rclpy
from geometry_msgs.msg import PoseStamped
from nav2_simple_commander.robot_navigator import BasicNavigator
from rclpy.clock import Clock, ClockType
from rclpy.parameter import Parameter
from rclpy.task import Future

from luna_robot.navigation.action_drive import length_of

TICK = 0.05
"""Seconds between two looks at what was given up or cancelled, and between two looks for a server."""
_ACTION_CLIENTS = ("nav_to_pose_client", "compute_path_to_pose_client", "docking_client", "undocking_client")
_SERVICE_CLIENTS = ("clear_costmap_global_srv", "clear_costmap_local_srv")


class GivenUpError(Exception):
    """Nobody waits for it any more."""


class CancelledBefore(Exception):
    """The goal was cancelled before it was sent."""


class Refused(Exception):
    """The server did not accept the goal."""


@dataclass(eq=False)
class Call:
    """One thing that is asked for. The flags may be set from any thread."""

    given_up: bool = False
    cancelled: bool = False


@dataclass(eq=False)
class Task:
    """A goal that was accepted."""

    call: Call
    handle: Any
    result: Future
    feedback: Any = None
    cancel_sent: bool = False


class BoundedCommander:
    def __init__(self, namespace: str) -> None:
        self._navigator = BasicNavigator(namespace=namespace)
        # Goals are stamped by whoever gives them; following /clock would cost more than all the rest.
        self._navigator.set_parameters([Parameter("use_sim_time", value=False)])
        self._call: Call | None = None
        self._awaited: list[Future] = []
        self._tasks: list[Task] = []
        self._closing = False
        for names, bounded in ((_ACTION_CLIENTS, _ActionClient), (_SERVICE_CLIENTS, _ServiceClient)):
            for name in names:
                setattr(self._navigator, name, bounded(getattr(self._navigator, name), self))
        self._navigator.create_timer(TICK, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def driving_servers(self) -> Mapping[str, Any]:
        """Action clients by the names of the actions that move the robot; for `server_is_ready`, from any thread."""
        navigator = self._navigator
        return {
            "navigate_to_pose": navigator.nav_to_pose_client,
            "dock_robot": navigator.docking_client,
            "undock_robot": navigator.undocking_client,
        }

    # --- orders: each runs in the thread, and ends soon after its call was given up ---

    def send(self, call: Call, ask: Callable[[Any], bool]) -> Task:
        """`ask` one of BasicNavigator's methods for a goal.

        Raises:
            CancelledBefore: nothing was sent.
            Refused: the server did not accept it.
            GivenUpError: nobody knows; what is accepted later is cancelled.
        """
        if call.cancelled:
            raise CancelledBefore
        navigator = self._navigator
        navigator.feedback = None
        if not self._bounded(call, lambda: ask(navigator)):
            raise Refused("goal refused")
        task = Task(call, navigator.goal_handle, navigator.result_future)
        self._tasks.append(task)
        return task

    def watch(self) -> None:
        """Spin for a tenth of a second, or until the newest goal has ended."""
        self._tasks = [task for task in self._tasks if not (task.result.done() or task.call.given_up)]
        if not self._tasks or self._closing:
            return
        newest, navigator = self._tasks[-1], self._navigator
        navigator.goal_handle, navigator.result_future = newest.handle, newest.result
        navigator.isTaskComplete()
        newest.feedback = navigator.getFeedback()

    def path_length(self, call: Call, goal: PoseStamped) -> float | None:
        """Metres from where the robot is; None where there is no path."""
        path = self._bounded(call, lambda: self._navigator.getPath(PoseStamped(), goal))
        return None if path is None else length_of(path)

    def clear_costmaps(self, call: Call) -> None:
        self._bounded(call, self._navigator.clearAllCostmaps)

    # --- ending ---

    def give_up_all(self) -> None:
        """From any thread: what runs, and what comes, ends with `GivenUpError`."""
        self._closing = True

    def close(self) -> None:
        """Once the thread has ended."""
        self._navigator.destroy_node()

    # --- waits ---

    def _bounded(self, call: Call, job: Callable[[], Any]) -> Any:
        self._call = call
        try:
            self.check()
            return job()
        finally:
            self._call = None
            self._awaited.clear()

    def check(self) -> None:
        """Raises GivenUpError if the call in hand was given up, or ROS ends."""
        if self._over() or not rclpy.ok():
            raise GivenUpError("no answer of the navigation server")

    def wait_a_moment(self) -> None:
        self.check()
        rclpy.spin_once(self._navigator, timeout_sec=TICK)

    def awaited(self, inner: Future, wrap: Callable[[Any], Any], too_late: Callable[[Any], None]) -> Future:
        """A future of the call in hand: what `inner` gives, or GivenUpError; `too_late` gets what comes after that."""
        outer = Future()

        def answered(future: Future) -> None:
            if outer.done():
                too_late(future.result())
            elif future.exception() is not None:
                outer.set_exception(future.exception())
            else:
                outer.set_result(wrap(future.result()))

        self._awaited.append(outer)
        inner.add_done_callback(answered)
        return outer

    def _over(self) -> bool:
        return self._closing or (self._call is not None and self._call.given_up)

    def _tick(self) -> None:
        """Runs while BasicNavigator spins."""
        for task in self._tasks:
            if task.call.cancelled and not task.cancel_sent:
                task.cancel_sent = True
                task.handle.cancel_goal_async()
        if self._over():
            for future in self._awaited:
                if not future.done():
                    future.set_exception(GivenUpError("no answer of the navigation server"))


class _Client:
    """A client as it is, but for its waits."""

    def __init__(self, client: Any, waits: BoundedCommander) -> None:
        self._client = client
        self._waits = waits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class _ServiceClient(_Client):
    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """True, or GivenUpError."""
        while not self._client.service_is_ready():
            self._waits.wait_a_moment()
        return True

    def call_async(self, request: Any) -> Future:
        asked = self._client.call_async(request)
        answer = self._waits.awaited(asked, _as_it_is, _forget)
        answer.add_done_callback(lambda _: self._client.remove_pending_request(asked))
        return answer


class _ActionClient(_Client):
    def wait_for_server(self, timeout_sec: float | None = None) -> bool:
        """True, or GivenUpError."""
        while not self._client.server_is_ready():
            self._waits.wait_a_moment()
        return True

    def send_goal_async(self, goal: Any, feedback_callback: Callable[[Any], None] | None = None) -> Future:
        sent = self._client.send_goal_async(goal, feedback_callback)
        return self._waits.awaited(sent, lambda handle: _Handle(handle, self._waits), _cancel)


class _Handle:
    """A goal's handle whose result can be given up."""

    def __init__(self, handle: Any, waits: BoundedCommander) -> None:
        self._handle = handle
        self._waits = waits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def get_result_async(self) -> Future:
        return self._waits.awaited(self._handle.get_result_async(), _as_it_is, _forget)


def _as_it_is(answer: Any) -> Any:
    return answer


def _forget(_: Any) -> None:
    """Nobody waits for it any more."""


def _cancel(handle: Any) -> None:
    if handle is not None and handle.accepted:
        handle.cancel_goal_async()
