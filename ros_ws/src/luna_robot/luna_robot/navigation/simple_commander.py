"""The navigator's port on Nav2's `BasicNavigator` (nav2_simple_commander, Jazzy).

Each of BasicNavigator's calls spins until it is answered, so all of them run in one worker thread. What it lacks is
made up for here: calls without an answer are given up (`bounded_commander`); each goal keeps its own handle and result,
since BasicNavigator has one place for both and `getPath` takes it; results are read whole, since `getResult` drops the
error code; other clients' goals are cancelled past it, since it cancels only its own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from typing import Any, Protocol

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node

from luna_robot import conversions
from luna_robot.geometry import Pose
from luna_robot.navigation.action_drive import ANSWER_WITHIN, LOST, PLAN_WITHIN, REFUSED, nav2_result, progress_of
from luna_robot.navigation.bounded_commander import BoundedCommander, Call, CancelledBefore, Refused, Task
from luna_robot.navigation.deadlines import Deadlines
from luna_robot.navigation.goal_sweep import NAV2_OTHERS, GoalSweep
from luna_robot.navigation.lifecycle import Lifecycle
from luna_robot.navigation.port import DriveResult, DriveStatus, OnDone, Progress


class Thread(Protocol):
    """One thread for what may block; `on_done` comes back on the node's executor."""

    def submit(self, job: Callable[[], Any], on_done: Callable[[ThreadFuture[Any]], None]) -> None: ...

    def close(self) -> None: ...


class CommandedDrive:
    """One goal. Reports its end once, whatever happens."""

    def __init__(self, deadlines: Deadlines, on_done: OnDone) -> None:
        self.progress = Progress()
        self.call = Call()
        self.task: Task | None = None
        self.done = False
        self._deadlines = deadlines
        self._on_done = on_done
        self._deadline = deadlines.after(ANSWER_WITHIN, self._lost)

    def cancel(self) -> None:
        if self.done or self.call.cancelled:
            return
        self.call.cancelled = True
        self._deadlines.drop(self._deadline)
        self._deadline = self._deadlines.after(ANSWER_WITHIN, self._lost)

    def sent(self, future: ThreadFuture[Task]) -> None:
        """What became of sending it."""
        error = future.exception()
        if error is None:
            self.task = future.result()
            if not self.call.cancelled:
                self._deadlines.drop(self._deadline)
        elif isinstance(error, CancelledBefore):
            self.finish(DriveResult(DriveStatus.CANCELED))
        elif isinstance(error, Refused):
            self.finish(REFUSED)
        else:  # nobody knows whether it was accepted
            self.finish(DriveResult(DriveStatus.LOST, message=str(error) or type(error).__name__))

    def look(self) -> None:
        """Whether it has ended, or come further."""
        task = self.task
        if task is None or self.done:
            return
        if task.result.done():
            self.finish(nav2_result(task.result.result()))
        else:
            self.progress = progress_of(task.feedback) or self.progress

    def finish(self, result: DriveResult) -> None:
        if self.done:
            return
        self.done = True
        self.call.given_up = True
        self._deadlines.drop(self._deadline)
        self._on_done(result)

    def _lost(self) -> None:
        self.finish(LOST)


class SimpleCommander:
    """Navigator of BasicNavigator. `thread` is this one's alone; the node's executor carries every callback."""

    def __init__(self, node: Node, thread: Thread, dock_type: str) -> None:
        self._node = node
        self._thread = thread
        self._dock_type = dock_type
        self._deadlines = Deadlines()
        self._commander = BoundedCommander(node.get_namespace())
        self._sweep = GoalSweep(node, self._commander.driving_servers, self._deadlines, NAV2_OTHERS)
        self._driver = Lifecycle(node, "bt_navigator", self._deadlines)
        self._docker = Lifecycle(node, "docking_server", self._deadlines)
        self._drives: list[CommandedDrive] = []
        self._watching = False

    def missing(self) -> tuple[str, ...]:
        there = self._commander.driving_servers["navigate_to_pose"].server_is_ready()
        missing = self._driver.missing() if there else "navigate_to_pose"
        return (missing,) if missing else ()

    def go_to(self, pose: Pose, on_done: OnDone) -> CommandedDrive:
        goal = self._stamped(pose)
        return self._send(lambda navigator: navigator.goToPose(goal), self._driver.judged(on_done))

    def dock(self, pose: Pose, on_done: OnDone) -> CommandedDrive:
        goal = self._stamped(pose)
        done = self._docker.judged(on_done)
        return self._send(lambda navigator: navigator.dockRobotByPose(goal, self._dock_type), done)

    def undock(self, on_done: OnDone) -> CommandedDrive:
        return self._send(lambda navigator: navigator.undockRobot(self._dock_type), self._docker.judged(on_done))

    def path_length(self, goal: Pose, on_done: Callable[[float | None], None]) -> None:
        stamped, call = self._stamped(goal), Call()
        self._ask(call, PLAN_WITHIN, lambda: self._commander.path_length(call, stamped), on_done)

    def clear_costmaps(self, on_done: Callable[[], None]) -> None:
        call = Call()
        self._ask(call, ANSWER_WITHIN, lambda: self._commander.clear_costmaps(call), lambda _: on_done())

    def cancel_all(self, on_done: Callable[[bool], None]) -> None:
        self._sweep.cancel_all(on_done)

    def poll(self, now: float) -> None:
        self._deadlines.poll(now)
        self._driver.poll(now)

    def close(self) -> None:
        self._commander.give_up_all()
        self._thread.close()
        self._commander.close()

    def _send(self, ask: Callable[[Any], bool], on_done: OnDone) -> CommandedDrive:
        drive = CommandedDrive(self._deadlines, on_done)
        self._drives.append(drive)

        def sent(future: ThreadFuture[Task]) -> None:
            drive.sent(future)
            self._watch()

        self._thread.submit(lambda: self._commander.send(drive.call, ask), sent)
        return drive

    def _watch(self) -> None:
        """Have the thread spin in short turns for as long as there are goals; what else is asked comes in between."""
        self._drives = [drive for drive in self._drives if not drive.done]
        if not self._watching and any(drive.task for drive in self._drives):
            self._watching = True
            self._thread.submit(self._commander.watch, self._watched)

    def _watched(self, turn: ThreadFuture[None]) -> None:
        self._watching = False
        if turn.exception() is not None:
            # ROS ends, or BasicNavigator has broken down: the deadlines of what is asked of it from here on tell.
            self._node.get_logger().error(f"simple_commander: {turn.exception()!r}")
            for drive in self._drives:
                drive.finish(LOST)
        for drive in list(self._drives):
            drive.look()
        self._watch()

    def _ask(
        self, call: Call, seconds: float, job: Callable[[], float | None], on_done: Callable[[float | None], None]
    ) -> None:
        """Report once: what the thread came to, or None when the time was over first or it failed."""

        def report(answer: float | None) -> None:
            if not call.given_up:
                call.given_up = True
                self._deadlines.drop(deadline)
                on_done(answer)

        deadline = self._deadlines.after(seconds, lambda: report(None))
        self._thread.submit(job, lambda future: report(None if future.exception() else future.result()))

    def _stamped(self, pose: Pose) -> PoseStamped:
        return conversions.pose_stamped(pose, self._node.get_clock().now().to_msg())
