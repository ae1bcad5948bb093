"""The link to one robot: kept open, known to be alive, and spoken in the robot's terms.

A link is alive while `status` arrives; a socket that looks connected proves nothing. After `SILENT_SECONDS` without
one it is dropped and opened anew, with pauses that grow to five seconds.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from luna_web.robot import messages
from luna_web.robot.messages import Answer, BadMessage, Json, Resolution
from luna_web.robot.ports import Cargo, Handover
from luna_web.robot.seen import SILENT_SECONDS, SeenDeliveries, SeenRobot
from luna_web.robot.transport import CallFailed, Connection, LinkDown

log = logging.getLogger(__name__)

CALL_SECONDS = 1.5
"""Deadline of a service call. The robot answers at once (2 ms here); whatever takes longer is lost."""
WATCH_SECONDS = 1.0
"""How often a connection is looked at: is the robot heard, and have its latched deliveries come."""
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RobotAddress:
    """Where a robot is reached: the proxy's address, its ROS namespace, and the token that the proxy asks for."""

    url: str
    namespace: str
    token: str

    def __repr__(self) -> str:
        return f"RobotAddress({self.url})"


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what the robot says. Called on the bridge loop; must be quick."""

    on_status: Callable[[SeenRobot], None]
    on_deliveries: Callable[[SeenDeliveries], None] | None = None
    on_goal_ended: Callable[[Json], None] | None = None


class NoAnswer(Exception):
    """The robot did not answer a call, or not in a way that can be understood; what it did is unknown."""


class RobotLink:
    """Keeps one connection to a robot. To be used on the bridge loop only.

    Life: `start()`, then calls and publications whenever `connected`, at last `await stop()`.
    """

    def __init__(self, address: RobotAddress, listener: Listener, *, status_every: float = 0.0) -> None:
        self.address = address
        self._listener = listener
        self._status_every = status_every
        self._connection: Connection | None = None
        self._heard_at = 0.0
        self._heard_deliveries = False
        self._newest: tuple[str, float] | None = None
        self._first = False
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        return self._connection is not None and self._connection.usable

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep_open(), name=f"link {self.address.url}")

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None

    def publish_heartbeat(self, epoch: int) -> None:
        """Raises LinkDown."""
        topic = self._name("controller_heartbeat")
        self._open_connection().publish(topic, messages.HEARTBEAT_TYPE, messages.heartbeat(epoch, time.time()))

    def send_goal(self, goal: Json) -> None:
        """Send an `execute_delivery` goal; `deliveries` tells what became of it. Raises LinkDown."""
        action = self._name("execute_delivery")
        self._open_connection().send_goal(action, messages.EXECUTE_DELIVERY_TYPE, goal, self._goal_ended)

    async def set_emergency_stop(self, *, engage: bool, stop_id: str, reason: str, by: str) -> Answer:
        arguments: Json = {"engage": engage, "estop_id": stop_id, "reason": reason, "by": by}
        return await self._call("set_emergency_stop", arguments)

    async def resume(self, *, epoch: int, stop_id: str, by: str, trace_id: str) -> Answer:
        return await self._call("resume", {"epoch": epoch, "estop_id": stop_id, "by": by, "trace_id": trace_id})

    async def set_paused(self, *, epoch: int, paused: bool, by: str) -> Answer:
        return await self._call("set_paused", {"epoch": epoch, "paused": paused, "by": by})

    async def set_maintenance(self, *, epoch: int, maintenance: bool, by: str) -> Answer:
        return await self._call("set_maintenance", {"epoch": epoch, "maintenance": maintenance, "by": by})

    async def set_waypoints(self, *, epoch: int, map_id: str, version: int, waypoints: Sequence[Json]) -> Answer:
        arguments: Json = {"epoch": epoch, "map_id": map_id, "version": version, "waypoints": list(waypoints)}
        return await self._call("set_waypoints", arguments)

    async def cancel(self, *, epoch: int, delivery_id: str, attempt: int, reason: str, trace_id: str) -> Answer:
        arguments: Json = {
            "epoch": epoch,
            "delivery_id": delivery_id,
            "attempt": attempt,
            "reason": reason,
            "trace_id": trace_id,
        }
        return await self._call("cancel_delivery", arguments)

    async def confirm(
        self,
        *,
        epoch: int,
        delivery_id: str,
        attempt: int,
        handover: Handover,
        handover_seq: int,
        cargo: Cargo,
        by: str,
        trace_id: str,
    ) -> Answer:
        arguments: Json = {
            "epoch": epoch,
            "delivery_id": delivery_id,
            "attempt": attempt,
            "handover": messages.handover_number(handover),
            "handover_seq": handover_seq,
            "cargo": messages.cargo_number(cargo),
            "by": by,
            "trace_id": trace_id,
        }
        return await self._call("confirm_handover", arguments)

    async def resolve_recovery(
        self, *, epoch: int, delivery_id: str, resolution: Resolution, by: str, trace_id: str
    ) -> Answer:
        arguments: Json = {
            "epoch": epoch,
            "delivery_id": delivery_id,
            "resolution": int(resolution),
            "by": by,
            "trace_id": trace_id,
        }
        return await self._call("resolve_recovery", arguments)

    async def _call(self, service: str, arguments: Json) -> Answer:
        """Raises LinkDown, NoAnswer."""
        connection = self._open_connection()
        try:
            return messages.read_answer(await connection.call(self._name(service), arguments, CALL_SECONDS))
        except (CallFailed, TimeoutError, BadMessage) as error:
            raise NoAnswer(f"{service}: {str(error) or 'no answer in time'}") from error

    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise LinkDown("not connected")
        return self._connection

    def _name(self, relative: str) -> str:
        return f"{self.address.namespace}/{relative}"

    async def _keep_open(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                heard = await self._one_connection()
            except Exception:
                # Without this task the robot would never be reached again, not even to be stopped.
                log.exception("the link to %s stumbled", self.address.url)
                heard = False
            pause = FIRST_PAUSE_SECONDS if heard else min(pause * 2, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause * random.uniform(0.7, 1.0))  # noqa: S311 (spreads reconnects, guards nothing)

    async def _one_connection(self) -> bool:
        """One connection from opening to its end; whether the robot was heard on it."""
        opened_at = self._heard_at = time.monotonic()
        self._heard_deliveries = False
        self._first = True
        connection = Connection(self.address.url, self.address.token)
        try:
            async with asyncio.timeout(SILENT_SECONDS):
                await connection.opened
            self._subscribe(connection)
            self._connection = connection
            log.info("connected to %s", self.address.url)
            await self._until_over(connection)
        except (LinkDown, TimeoutError):
            log.debug("cannot connect to %s", self.address.url)
        finally:
            self._connection = None
            connection.abandon()
        return self._heard_at > opened_at

    async def _until_over(self, connection: Connection) -> None:
        while not connection.ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await connection.ended.wait()
                log.info("connection to %s ended", self.address.url)
                return
            if time.monotonic() - self._heard_at >= SILENT_SECONDS:
                log.warning("no status over %s for %.0f s: connecting anew", self.address.url, SILENT_SECONDS)
                return
            if self._listener.on_deliveries is not None and not self._heard_deliveries:
                self._subscribe_deliveries(connection)

    def _subscribe(self, connection: Connection) -> None:
        connection.subscribe(self._name("status"), messages.STATUS_TYPE, self._status, self._status_every)
        if self._listener.on_deliveries is not None:
            self._subscribe_deliveries(connection)

    def _subscribe_deliveries(self, connection: Connection) -> None:
        connection.subscribe(self._name("deliveries"), messages.DELIVERIES_TYPE, self._deliveries)

    def _status(self, message: Mapping[str, Any]) -> None:
        try:
            status = messages.read_status(message)
        except BadMessage as error:
            log.error("status over %s is not understood: %s", self.address.url, error)
            return
        first, self._first = self._first, False
        before, self._newest = self._newest, (status.boot_id, status.stamp)
        if first and self._newest == before:
            return  # `status` is latched: its last message comes with each connection, also from a robot that hangs
        self._heard_at = time.monotonic()
        self._listener.on_status(status)

    def _deliveries(self, message: Mapping[str, Any]) -> None:
        try:
            deliveries = messages.read_deliveries(message)
        except BadMessage as error:
            log.error("deliveries over %s are not understood: %s", self.address.url, error)
            return
        self._heard_deliveries = True
        if self._listener.on_deliveries is not None:
            self._listener.on_deliveries(deliveries)

    def _goal_ended(self, values: object) -> None:
        if isinstance(values, dict) and isinstance(values.get("state"), dict):
            if self._listener.on_goal_ended is not None:
                self._listener.on_goal_ended(values["state"])
        else:
            log.warning("a goal over %s came to nothing: %s", self.address.url, str(values)[:300])
