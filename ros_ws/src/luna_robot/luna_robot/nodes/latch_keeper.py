"""The emergency stop's latch in memory and on the disk, which may be slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from dataclasses import replace
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.task import Future

from luna_robot.delivery.model import Error, Verdict
from luna_robot.nodes.common import Worker
from luna_robot.safety.latch import Latch, LatchAnswer, Stop, engage, engage_anew, load_latch, release, save_latch
from luna_robot.sole import Hold


class LatchKeeper:
    """What engages holds in memory at once; what releases holds when the disk has it.

    `on_saved` is told when a write has ended, well or not. Raises InUse: of two supervisors on one robot one would say
    that it may drive while the other stops it.
    """

    def __init__(self, node: Node, path: Path, on_saved: Callable[[], object]) -> None:
        self.unsaved = ""
        """Why the disk has not what is latched; empty = it has, or soon will."""
        self._path = path
        self._on_saved = on_saved
        self._hold = _hold(node, path.parent)
        self._latch = self._written = load_latch(path, time.time_ns())
        self._writes: list[Future] = []
        self._releasing: Future | None = None
        self._released_id = ""
        self._worker = Worker(node, "latch")

    @property
    def latch(self) -> Latch:
        return self._latch

    def engage(self, stop: Stop) -> LatchAnswer:
        """In memory; `save` is the next step.

        While the stop of that id is being released it is another one, which holds: nobody's stop gets lost on the way.
        """
        anew = self._releasing is not None and stop.estop_id == self._released_id
        answer = (engage_anew if anew else engage)(self._latch, stop)
        self._latch = answer.latch
        return answer

    async def release(self, estop_id: str) -> LatchAnswer:
        """First the disk, one after the other. What is engaged meanwhile holds."""
        while self._releasing is not None:
            await self._releasing
        self._releasing, self._released_id = Future(), estop_id
        try:
            return await self._release(estop_id)
        finally:
            turn, self._releasing = self._releasing, None
            turn.set_result(None)
            self.keep()

    async def _release(self, estop_id: str) -> LatchAnswer:
        named = self._latch.held(estop_id)
        while True:
            if self._latch.held(estop_id) != named:
                return LatchAnswer(self._latch, Verdict.REFUSED, Error.WRONG_ESTOP, f"{estop_id} was engaged again")
            answer = release(self._latch, estop_id)
            if answer.verdict is not Verdict.ACCEPTED:
                return answer
            error = await self._write(answer.latch)
            if error:
                return LatchAnswer(self._latch, Verdict.REFUSED, Error.JOURNAL, error)
            freed = release(self._latch, estop_id).latch
            if self._latch.held(estop_id) == named and freed == self._written:
                self._latch = freed
                return answer

    def change(self, **fields: Any) -> None:
        """Of what is remembered beside the stops; saved by `keep` or `save`."""
        self._latch = replace(self._latch, **fields)

    def save(self) -> Future:
        """The result is what went wrong, empty if nothing did."""
        return self._write(self._latch)

    def keep(self) -> None:
        """Save what has changed since it was last saved. A release in hand saves it by itself."""
        if self._releasing is None and self._latch != self._written:
            self._write(self._latch)

    def try_again(self) -> None:
        """After a write that failed."""
        if self.unsaved and not self._writes and self._releasing is None:
            self._write(self._latch)

    def close(self) -> None:
        """Nothing is written any more."""
        self._worker.close()
        if self._hold is not None:
            self._hold.close()

    def _write(self, latch: Latch) -> Future:
        """In the order of the calls; what is being written as the last already is not written twice."""
        if self._writes and latch == self._written:
            return self._writes[-1]
        self._written = latch
        saved = Future()
        self._writes.append(saved)

        def done(job: ThreadFuture[None]) -> None:
            self._writes.remove(saved)
            error = job.exception()
            if error is not None and not isinstance(error, OSError):
                raise error
            self.unsaved = f"the latch can't be saved: {error}" if error else ""
            self._on_saved()
            saved.set_result(self.unsaved)

        self._worker.submit(lambda: save_latch(self._path, latch), done)
        return saved


def _hold(node: Node, folder: Path) -> Hold | None:
    """None where the disk takes no lock: a robot with a broken disk is stopped by its supervisor all the same."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Hold(folder)
    except OSError as error:
        node.get_logger().warning(f"nothing keeps a second supervisor from starting: {error}")
        return None
