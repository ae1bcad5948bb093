"""Emergency stops: the one thing that a request sends to a robot itself.

Every process keeps a connection per robot for this alone. A stop goes out on it at once and into the row beside; what
has not been confirmed is tried again until it is, or until the row is written and the controller has taken over. So a
stop needs neither Redis nor PostgreSQL, only a way to the robot.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from luna_web.robot.errors import RobotNotFound
from luna_web.robot.link import Listener, NoAnswer, RobotLink
from luna_web.robot.store import KnownRobot
from luna_web.robot.transport import LinkDown
from luna_web.shared.errors import LunaError

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0
"""How long a request waits for the robots."""
RETRY_SECONDS = 0.25
FIRST_WRITE_RETRY_SECONDS = 1.0
LONGEST_WRITE_RETRY_SECONDS = 10.0
LIVENESS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StopOrder:
    """One stop for one robot. `by` and `reason` go to the robot and into the row."""

    robot: KnownRobot
    stop_id: str
    reason: str
    by: str


@dataclass
class StopResult:
    """How far a stop has come. `stop_id` is that which holds the robot, once it has said so."""

    order: StopOrder
    confirmed: bool = False
    written: bool = False
    gone: bool = False
    """The robot was taken out meanwhile: there is nothing to stop or to write any more."""
    stop_id: str = ""
    problem: str = "no answer yet"


WriteStop = Callable[[StopOrder], Awaitable[str]]
"""Writes the stop into the robot's row; the id that the row has now. Raises where the database is away."""


class EmergencyStops:
    """A process's own connections for stops. To be used on the bridge loop only."""

    def __init__(self, write: WriteStop) -> None:
        self._write = write
        self._links: dict[UUID, RobotLink] = {}
        self._robots: dict[UUID, KnownRobot] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def robots(self) -> tuple[KnownRobot, ...]:
        """The robots that this process knows, by name; also while PostgreSQL is away."""
        return tuple(sorted(self._robots.copy().values(), key=lambda robot: robot.robot_name))

    @property
    def pursued(self) -> int:
        """How much is still being tried."""
        return len(self._tasks)

    def connected(self, robot_id: UUID) -> bool:
        link = self._links.get(robot_id)
        return link is not None and link.connected

    async def know(self, robots: Sequence[KnownRobot]) -> None:
        """Keep connections to these robots, and to no others."""
        wanted = {robot.robot_id: robot for robot in robots}
        for robot_id, known in list(self._robots.items()):
            if wanted.get(robot_id) != known:
                del self._robots[robot_id]
                await self._links.pop(robot_id).stop()
        for robot_id, robot in wanted.items():
            if robot_id not in self._robots:
                link = RobotLink(robot.address, Listener(lambda status: None), status_every=LIVENESS_SECONDS)
                link.start()
                self._robots[robot_id], self._links[robot_id] = robot, link

    async def engage(self, orders: Sequence[StopOrder]) -> list[StopResult]:
        """Stop these robots; waits two seconds at most and goes on trying afterwards."""
        results = [StopResult(order, stop_id=order.stop_id) for order in orders]
        tasks = [task for result in results for task in self._pursue(result)]
        if tasks:
            await asyncio.wait(tasks, timeout=ANSWER_SECONDS)
        return results

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await self.know(())

    def _pursue(self, result: StopResult) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self._until_engaged(result)), asyncio.create_task(self._until_written(result))]
        for task in tasks:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return tasks

    async def _until_engaged(self, result: StopResult) -> None:
        started = time.monotonic()
        while not result.gone and not await self._engage_once(result):
            if result.written and time.monotonic() - started > ANSWER_SECONDS:
                return  # the controller has it from the row, and somebody may have released it since
            await asyncio.sleep(RETRY_SECONDS)

    async def _engage_once(self, result: StopResult) -> bool:
        order = result.order
        try:
            link = self._links[order.robot.robot_id]
            answer = await link.set_emergency_stop(engage=True, stop_id=order.stop_id, reason=order.reason, by=order.by)
        except (KeyError, LinkDown, NoAnswer) as error:
            if not result.gone:
                result.problem = "not connected" if isinstance(error, LinkDown | KeyError) else "no answer"
            return False
        if not answer.taken:
            result.problem = f"refused: {answer.message or answer.error}"
            return False
        result.confirmed, result.problem = True, ""
        result.stop_id = answer.estop_id or order.stop_id
        return True

    async def _until_written(self, result: StopResult) -> None:
        pause = FIRST_WRITE_RETRY_SECONDS
        while True:
            try:
                row_stop_id = await self._write(result.order)
            except RobotNotFound:
                result.gone, result.problem = True, "the robot was taken out"
                return
            except (SQLAlchemyError, LunaError) as error:
                # Whatever the database has against it, the stop itself goes on; the row follows.
                log.warning("stop of %s not written yet: %s", result.order.robot.robot_name, type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_WRITE_RETRY_SECONDS)
                continue
            result.written = True
            if not result.confirmed:
                result.stop_id = row_stop_id
            return
