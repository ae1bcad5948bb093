"""rclpy's single-threaded executor, without building its wait set from nothing at every wake-up.

rclpy gathers all entities of all nodes anew each time something happens, makes a task of every callback, and wakes
itself up twice more for each: for a robot's three nodes that costs ten times what the callbacks cost. This executor
gathers them when they have changed, which every node tells (`wake`), and makes a task only of what awaits something.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor, TimeoutObject
from rclpy.node import Node
from rclpy.task import Task

from luna_executor.waitlist import Waiting, WaitList


class LeanExecutor(SingleThreadedExecutor):
    """To its nodes the same as `SingleThreadedExecutor`.

    Entities that are destroyed are gone when it has next gathered what there is, or at its `shutdown`.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        self._changed = True
        self._list: WaitList | None = None
        self._ready: deque[Waiting] = deque()
        self._spinning = threading.RLock()
        super().__init__(context=context)
        self._taking: dict[str, Callable[[Any], Any]] = {
            "timer": self._take_timer,
            "subscription": self._take_subscription,
            "guard_condition": self._take_guard_condition,
            "client": self._take_client,
            "service": self._take_service,
            "waitable": self._take_waitable,
        }

    def wake(self) -> None:
        """Some entities were made or destroyed, or the context ends. From any thread."""
        self._changed = True
        super().wake()

    def add_node(self, node: Node) -> bool:
        added: bool = super().add_node(node)
        self.wake()
        return added

    def remove_node(self, node: Node) -> None:
        super().remove_node(node)
        self.wake()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """End the spinning. False when the callback that runs now in another thread took longer than the time given."""
        super().shutdown(timeout_sec)
        if not self._spinning.acquire(timeout=-1 if timeout_sec is None or timeout_sec < 0 else timeout_sec):
            return False
        try:
            self._ready.clear()
            if self._list is not None:
                self._list.close()
                self._list = None
        finally:
            self._spinning.release()
        return True

    def _spin_once_impl(
        self,
        timeout_sec: float | TimeoutObject | None = None,
        wait_condition: Callable[[], bool] = lambda: False,
    ) -> None:
        """Run one callback, and go on with every task that can. What all of rclpy's ways to spin come to."""
        with self._spinning:
            self._spin_one(timeout_sec, wait_condition)

    def _spin_one(self, timeout_sec: float | TimeoutObject | None, wait_condition: Callable[[], bool]) -> None:
        seconds = timeout_sec.timeout if isinstance(timeout_sec, TimeoutObject) else timeout_sec
        end = None if seconds is None or seconds < 0 else time.monotonic() + seconds
        while not self._ready and not self._is_shutdown and not wait_condition():
            in_a_moment = self._go_on_with_tasks()
            if wait_condition():
                return
            self._ready.extend(self._wait(time.monotonic() if in_a_moment else end))
            if end is not None and time.monotonic() >= end:
                break
        if self._ready and not self._is_shutdown:
            self._run(self._ready.popleft())

    def _go_on_with_tasks(self) -> bool:
        """Whether a task has ended, which others may wait for."""
        with self._tasks_lock:
            self._tasks[:] = [known for known in self._tasks if not known[0].done() and not known[0].cancelled()]
            tasks = [known[0] for known in self._tasks]
        for task in tasks:
            task()
            if task.exception() is not None:
                raise task.exception()
        return any(task.done() for task in tasks)

    def _wait(self, end: float | None) -> list[Waiting]:
        if self._changed or self._list is None:
            self._gather()
        if self._list is None or self._is_shutdown:
            return []
        ready = self._list.wait(-1 if end is None else max(0, int((end - time.monotonic()) * 1e9)))
        if self._is_shutdown:
            return []
        if not self._context.ok():
            raise ExternalShutdownException
        return ready

    def _gather(self) -> None:
        self._changed = False  # first: what changes from here on is gathered next time
        if self._list is not None:
            self._list.close()
        guards = [guard for guard in (self._guard, self._sigint_gc) if guard is not None]
        self._list = WaitList(self._context, self.get_nodes(), guards)

    def _run(self, waiting: Waiting) -> None:
        if not waiting.group.beginning_execution(waiting.entity):
            waiting.put_off()
            return
        work = self._execute(waiting)
        try:
            work.send(None)
        except StopIteration:
            return
        with self._tasks_lock:
            self._tasks.append((Task(work, executor=self), waiting.entity, waiting.node))

    async def _execute(self, waiting: Waiting) -> None:
        try:
            work: Callable[[], Coroutine[Any, Any, None]] | None = self._taking[waiting.kind](waiting.entity)
            if work is not None:
                await work()
        finally:
            waiting.group.ending_execution(waiting.entity)
