"""The controller of one robot: it compares what is wanted with what is seen, and does the one next thing.

It wakes on every message of the robot, on every NOTIFY, and every second regardless. It holds no truth: whatever it
remembers can be lost at any moment and is read again. Only the holder of the robot's lease acts, and everything it
writes or sends carries the lease's epoch.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from luna_web.robot import messages
from luna_web.robot.commands import carry_out
from luna_web.robot.impression import Impression
from luna_web.robot.link import Listener, NoAnswer, RobotLink
from luna_web.robot.messages import BadMessage, Json
from luna_web.robot.ports import FreeRobot, RobotError
from luna_web.robot.reconcile import (
    Command,
    JournalLost,
    Nothing,
    Park,
    Settle,
    SetWaypoints,
    Undock,
    reconcile,
    why_not_free,
)
from luna_web.robot.seen import SILENT_SECONDS, SeenDeliveries, SeenRobot
from luna_web.robot.store import KnownRobot, Lease, LeaseLost, Store
from luna_web.robot.transport import LinkDown
from luna_web.robot.wanted import WantedRobot

log = logging.getLogger(__name__)
T = TypeVar("T")
InThread = Callable[[Callable[[], T]], Awaitable[T]]

PLAN_SECONDS = 2.0
"""What is wanted is read again after this, whether or not a NOTIFY came."""
RENEW_SECONDS = 1.0
LEASE_TRUST_SECONDS = 3.0
"""How long after it was asked for a lease is acted on: shorter than it lasts, so that two never act at once."""
HEARTBEAT_SECONDS = 1.0
HOLD_SECONDS = 2.0
"""A command is not repeated for this long, while its effect may still be on its way."""
HOLD_REFUSED_SECONDS = 5.0
HOLD_UNANSWERED_SECONDS = 0.5
HOLD_PARK_SECONDS = 30.0
FIRST_RETRY_SECONDS = 0.1
"""After an error of the database; doubles up to PLAN_SECONDS."""
ACTIONS_A_PASS = 8


class RobotController:
    """Leads one robot whenever nobody else does. To be used on the bridge loop only.

    `in_thread` runs database work; `heard` is told every status while this controller leads.
    """

    def __init__(
        self,
        robot: KnownRobot,
        holder: UUID,
        store: Store,
        in_thread: "InThread[object]",
        heard: Callable[[SeenRobot, datetime], None],
    ) -> None:
        self.robot = robot
        self._holder = holder
        self._store = store
        self._run_in_thread = in_thread
        self._heard = heard
        self._wake = asyncio.Event()
        self._lease: Lease | None = None
        self._lease_asked_at = 0.0
        self._link: RobotLink | None = None
        self._impression = Impression(time.monotonic())
        self._wanted: WantedRobot | None = None
        self._planned_at = 0.0
        self._planned_free = False
        self._held: dict[Command, float] = {}
        self._presence: bool | None = None
        self._presence_told_at = 0.0

    @property
    def leads(self) -> bool:
        """Whether this controller may act now."""
        return self._lease is not None and time.monotonic() - self._lease_asked_at < LEASE_TRUST_SECONDS

    def notify(self) -> None:
        """Somebody changed what is wanted."""
        self._planned_at = 0.0
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        heartbeats = asyncio.create_task(self._beat(), name=f"heartbeat {self.robot.robot_name}")
        retry = FIRST_RETRY_SECONDS
        try:
            while True:
                try:
                    await self._pass()
                    retry = FIRST_RETRY_SECONDS
                    await self._sleep(RENEW_SECONDS)
                except LeaseLost as error:
                    log.warning("%s: no longer led from here: %s", self.robot.robot_name, error)
                    await self._step_down()
                except SQLAlchemyError as error:
                    log.warning("%s: database: %s", self.robot.robot_name, str(error).splitlines()[0])
                    retry = await self._back_off(retry)
                except Exception:
                    # A bug in one rule must not leave the robot without a controller; it is logged and tried again.
                    log.exception("%s: the controller failed", self.robot.robot_name)
                    retry = await self._back_off(max(retry, 1.0))
        finally:
            heartbeats.cancel()
            await self._resign()

    async def _pass(self) -> None:
        if not await self._lead():
            return
        if self._plan_is_due():
            await self._act()
        await self._tell()
        await self._act()
        if time.monotonic() - self._lease_asked_at >= RENEW_SECONDS:
            await self._guarded(lambda store, lease: store.renew(lease))

    async def _lead(self) -> bool:
        """Whether this controller leads; takes the lead if nobody has it."""
        if self._lease is not None:
            if not self.leads:
                await self._guarded(lambda store, lease: store.renew(lease))
            return True
        asked_at = time.monotonic()
        lease = await self._in_thread(lambda: self._store.acquire(self.robot.robot_id, self._holder))
        if lease is None:
            return False
        log.info("%s: led from here, epoch %d", self.robot.robot_name, lease.epoch)
        self._lease, self._lease_asked_at = lease, asked_at
        self._impression = Impression(asked_at)
        self._presence, self._planned_at = None, 0.0
        self._held.clear()
        self._link = RobotLink(self.robot.address, Listener(self._on_status, self._on_deliveries, self._on_goal_ended))
        self._link.start()
        return True

    async def _tell(self) -> None:
        """Bring to the database what the robot said since."""
        await self._tell_presence()
        now = time.monotonic()
        if status := self._impression.status_to_write(now):
            robot, age = status
            heard_at = self._store.clock.now() - timedelta(seconds=age)
            driven = self._impression.driven
            changed = await self._guarded(lambda store, lease: store.observe_status(lease, robot, heard_at, driven))
            self._impression.status_written(robot, now, driven)
            self._planned_at = 0.0 if changed else self._planned_at
        for delivery in self._impression.deliveries_to_tell():
            await self._guarded(lambda store, lease, seen=delivery: store.observe_delivery(lease, seen))  # type: ignore[misc]
            self._impression.told(delivery)
            self._planned_at = 0.0

    async def _tell_presence(self) -> None:
        """Tell whether the robot is heard: once when it is, every few seconds while it is not."""
        now = time.monotonic()
        silent = self._impression.silent(now)
        if silent and now - self._presence_told_at >= SILENT_SECONDS:
            since = self._store.clock.now() - timedelta(seconds=self._impression.silent_for(now))
            await self._guarded(lambda store, lease: store.lost(lease, since))
        elif not silent and self._impression.seen() is not None and self._presence is not True:
            await self._guarded(lambda store, lease: store.found(lease))
        else:
            return
        self._presence, self._presence_told_at = not silent, now

    async def _act(self) -> None:
        """Do what is to be done, one action at a time, until there is nothing."""
        for _ in range(ACTIONS_A_PASS):
            if self._plan_is_due():
                await self._plan()
            now = time.monotonic()
            self._held = {command: until for command, until in self._held.items() if until > now}
            if self._wanted is None or not self.leads:
                return
            action = reconcile(self._wanted, self._impression.seen(), now, frozenset(self._held))
            if isinstance(action, Nothing):
                log.debug("%s: %s", self.robot.robot_name, action.reason)
                return
            await self._do(action)

    def _plan_is_due(self) -> bool:
        if time.monotonic() - self._planned_at >= PLAN_SECONDS:
            return True
        return not self._planned_free and self._free_robot(self._wanted) is not None

    async def _plan(self) -> None:
        self._planned_at = time.monotonic()
        self._planned_free = self._free_robot(self._wanted) is not None
        journal_id, _ = self._impression.journal
        lease = self._require_lease()
        self._wanted = await self._in_thread(lambda: self._store.plan(lease, self._free_robot, journal_id))

    def _free_robot(self, wanted: WantedRobot | None) -> FreeRobot | None:
        """This robot, if it can be given a task."""
        seen = self._impression.seen()
        if wanted is None or seen is None or why_not_free(wanted, seen, time.monotonic()) is not None:
            return None
        return FreeRobot(
            robot_id=self.robot.robot_id,
            robot_name=self.robot.robot_name,
            pose=seen.robot.pose,
            battery=seen.robot.battery,
            charging=seen.robot.charging,
            home=wanted.home.pose if wanted.home else None,
        )

    async def _do(self, action: Command) -> None:
        """Carry out one action and hold it back for a while, whatever came of it."""
        self._held[action] = time.monotonic() + HOLD_SECONDS
        lease = self._require_lease()
        log.info("%s: %s", self.robot.robot_name, type(action).__name__)
        try:
            match action:
                case JournalLost(task_id=task_id):
                    await self._guarded(lambda store, lease: store.journal_lost(lease, UUID(task_id)))
                case Settle():
                    await self._settle(action, lease.epoch)
                case SetWaypoints():
                    await self._set_waypoints(action, lease.epoch)
                case _:
                    await self._command(action, lease.epoch)
        except (LinkDown, NoAnswer) as error:
            log.warning("%s: %s: %s", self.robot.robot_name, type(action).__name__, error)
            self._held[action] = time.monotonic() + HOLD_UNANSWERED_SECONDS

    async def _command(self, action: Command, epoch: int) -> None:
        answer = await carry_out(action, self._require_link(), epoch)
        if isinstance(action, Park | Undock):
            self._held[action] = time.monotonic() + HOLD_PARK_SECONDS
        if answer is not None:
            self._take_answer(action, answer)

    async def _settle(self, action: Settle, epoch: int) -> None:
        """A robot that never heard of the delivery (its journal is new) has nothing to settle."""
        answer = await carry_out(action, self._require_link(), epoch)
        if answer is None:
            return
        self._take_answer(action, answer)
        if answer.taken or answer.error is RobotError.UNKNOWN_DELIVERY:
            task_id = action.settlement.task_id
            await self._guarded(lambda store, lease: store.settled(lease, task_id))
            self._planned_at = 0.0

    async def _set_waypoints(self, action: SetWaypoints, epoch: int) -> None:
        places = await self._in_thread(self._store.waypoints)
        if places is not None:
            map_id, version, waypoints = places
            link = self._require_link()
            answer = await link.set_waypoints(epoch=epoch, map_id=map_id, version=version, waypoints=waypoints)
            self._take_answer(action, answer)

    def _take_answer(self, action: Command, answer: messages.Answer) -> None:
        if not answer.taken:
            kind = type(action).__name__
            log.warning("%s: refused %s: %s %s", self.robot.robot_name, kind, answer.error, answer.message)
            self._held[action] = time.monotonic() + HOLD_REFUSED_SECONDS
        if answer.state is not None:
            self._on_goal_ended(answer.state)

    def _on_status(self, robot: SeenRobot) -> None:
        if robot.journal_id != self._impression.journal[0]:
            self._planned_at = 0.0  # what is planned is written down with the journal that it is meant for
        self._impression.hear_status(robot, time.monotonic())
        self._heard(robot, self._store.clock.now())
        if not robot.link_up:
            self._beat_once()
        self._wake.set()

    def _on_deliveries(self, deliveries: SeenDeliveries) -> None:
        self._impression.hear_deliveries(deliveries)
        self._wake.set()

    def _on_goal_ended(self, state: Json) -> None:
        try:
            delivery = messages.read_delivery(state, *self._impression.journal)
        except BadMessage as error:
            log.error("%s: a delivery's state is not understood: %s", self.robot.robot_name, error)
            return
        if delivery is not None:
            self._impression.hear_answer(delivery)
            self._wake.set()

    async def _beat(self) -> None:
        """The heartbeat that tells the robot that somebody leads it."""
        while True:
            self._beat_once()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def _beat_once(self) -> None:
        if self._lease is not None and self._link is not None and self.leads:
            with suppress(LinkDown):
                self._link.publish_heartbeat(self._lease.epoch)

    async def _guarded(self, work: Callable[[Store, Lease], T]) -> T:
        """One transaction under the lease, in a thread; it renews the lease."""
        lease, asked_at = self._require_lease(), time.monotonic()
        result = await self._in_thread(lambda: work(self._store, lease))
        self._lease_asked_at = max(self._lease_asked_at, asked_at)
        return result

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._run_in_thread(work)  # type: ignore[return-value]

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _back_off(self, seconds: float) -> float:
        await asyncio.sleep(seconds)
        return min(seconds * 2, PLAN_SECONDS)

    async def _step_down(self) -> None:
        self._lease, self._wanted = None, None
        if self._link is not None:
            await self._link.stop()
            self._link = None

    async def _resign(self) -> None:
        """Leave the lead to others at once."""
        lease = self._lease
        await self._step_down()
        if lease is not None:
            with suppress(SQLAlchemyError):
                await self._in_thread(lambda: self._store.release(lease))

    def _require_lease(self) -> Lease:
        if self._lease is None:
            raise LeaseLost("not led from here")
        return self._lease

    def _require_link(self) -> RobotLink:
        if self._link is None:
            raise LinkDown("not led from here")
        return self._link
