"""All robots of one process: a controller and an emergency connection each, and the NOTIFYs that wake them.

Lives on the bridge loop. A FastAPI lifespan starts and stops it; routes reach it through `call`.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from luna_web.robot.controller import RobotController
from luna_web.robot.emergency import EmergencyStops, StopOrder, StopResult
from luna_web.robot.errors import RobotNotFound
from luna_web.robot.listen import listen
from luna_web.robot.ports import StatusListener
from luna_web.robot.seen import SeenRobot
from luna_web.robot.status_cache import StatusCache
from luna_web.robot.store import KnownRobot, Store
from luna_web.robot.transport import bridge_loop
from luna_web.shared.errors import DependencyUnavailable
from luna_web.shared.ids import new_id
from luna_web.shared.outbox import WANTED_CHANNEL

log = logging.getLogger(__name__)
T = TypeVar("T")

REFRESH_SECONDS = 5.0
"""The list of robots is read again after this, whether or not a NOTIFY came."""
FIRST_REFRESH_RETRY_SECONDS = 0.2
DATABASE_THREADS = 8


class Fleet:
    """Every robot as this process sees it. Construct anywhere; everything else happens on the bridge loop."""

    def __init__(
        self,
        store: Store,
        cache: StatusCache,
        database_url: str,
        write_stop: Callable[[StopOrder], str],
        listener: StatusListener,
    ) -> None:
        self._store = store
        self._cache = cache
        self._listener = listener
        self._database_url = database_url
        self._holder = new_id()
        self._threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="controller")
        # Stops have threads of their own: a database that hangs may hold all the others.
        self._stop_threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="stop")
        self._write_stop = write_stop
        self._controllers: dict[UUID, RobotController] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._sharing: Future[None] | None = None
        self._refresh = asyncio.Event()
        self._robots_read = False
        self._over = threading.Event()
        self.stops = EmergencyStops(self._write_in_thread)

    @staticmethod
    def call(work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run this on the bridge loop; from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, bridge_loop())

    def unreachable(self) -> list[str]:
        """The robots that this process has no connection to; from any thread."""
        return [robot.robot_name for robot in self.stops.robots if not self.stops.connected(robot.robot_id)]

    async def wait_until_over(self, seconds: float) -> None:
        """Give `run`, once cancelled, this long to release what it leads; from any loop."""
        if not await asyncio.to_thread(self._over.wait, seconds):
            log.warning("controllers did not stop within %.0f s; their leases run out by themselves", seconds)

    async def stop(self, robot_id: UUID | None, order: Callable[[KnownRobot], StopOrder]) -> list[StopResult]:
        """Stop one robot, or all. Raises RobotNotFound, and DependencyUnavailable before any robot is known."""
        if not self._robots_read:
            raise DependencyUnavailable("PostgreSQL")
        robots = [robot for robot in self.stops.robots if robot_id in (None, robot.robot_id)]
        if robot_id is not None and not robots:
            raise RobotNotFound()
        return await self.stops.engage([order(robot) for robot in robots])

    async def run(self) -> None:
        """Until cancelled."""
        listening = asyncio.create_task(listen(self._database_url, WANTED_CHANNEL, self._notified), name="listen")
        try:
            await self._follow_robots()
        finally:
            listening.cancel()
            await self._know(())
            await self.stops.close()
            self._threads.shutdown(wait=False)
            self._stop_threads.shutdown(wait=False)
            self._over.set()

    async def _follow_robots(self) -> None:
        retry = FIRST_REFRESH_RETRY_SECONDS
        while True:
            self._refresh.clear()
            try:
                await self._know(await self._in_thread(self._store.known_robots))
                retry, pause = FIRST_REFRESH_RETRY_SECONDS, REFRESH_SECONDS
            except SQLAlchemyError as error:
                log.warning("robots not read: %s", str(error).splitlines()[0])
                retry = pause = min(retry * 2, REFRESH_SECONDS)
            except Exception:
                # Else no robot that is registered or taken out would be heard of again in this process.
                log.exception("robots not followed")
                retry = pause = min(retry * 2, REFRESH_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._refresh.wait()

    async def _know(self, robots: tuple[KnownRobot, ...]) -> None:
        """Have a controller for each of these robots, and for no others."""
        wanted = {robot.robot_id: robot for robot in robots}
        gone = [robot_id for robot_id, c in self._controllers.items() if wanted.get(robot_id) != c.robot]
        for robot_id in gone:
            self._tasks[robot_id].cancel()
        for robot_id in gone:
            await asyncio.wait([self._tasks.pop(robot_id)])
            del self._controllers[robot_id]
        await self.stops.know(robots)
        self._robots_read = True
        for robot_id, robot in wanted.items():
            if robot_id not in self._controllers:
                self._start(robot)

    def _start(self, robot: KnownRobot) -> None:
        def heard(status: SeenRobot, at: datetime) -> None:
            self._heard(robot.robot_id, status, at)

        controller = RobotController(robot, self._holder, self._store, self._in_thread, heard)
        self._controllers[robot.robot_id] = controller
        self._tasks[robot.robot_id] = asyncio.create_task(controller.run(), name=f"controller {robot.robot_name}")

    def _heard(self, robot_id: UUID, status: SeenRobot, at: datetime) -> None:
        heard = self._cache.remember(robot_id, status, at)
        # One at a time: it takes along whatever has been heard, and a Redis that hangs holds one thread, not all.
        if self._sharing is None or self._sharing.done():
            self._sharing = self._threads.submit(self._cache.share)
        self._listener.heard(robot_id, heard.observed, at)

    def _notified(self, payload: str) -> None:
        """Somebody wants something of a robot, or (`*`) of any of them, or there are others now."""
        for robot_id, controller in self._controllers.items():
            if payload in ("*", str(robot_id)):
                controller.notify()
        if payload == "*":
            self._refresh.set()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _write_in_thread(self, order: StopOrder) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._stop_threads, self._write_stop, order)
