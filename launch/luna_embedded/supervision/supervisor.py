"""The supervisor: carries out what the fleet decides, feeds it what happens, and answers on the control socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luna_embedded.state import StateDir
from luna_embedded.supervision import answering
from luna_embedded.supervision.lifecycle import Action, Fleet, Kill, Launch, Life, Patience, Phase, Terminate
from luna_embedded.supervision.logs import BoundedLog
from luna_embedded.supervision.part import Part
from luna_embedded.supervision.process import PartProcess, Reports
from luna_embedded.supervision.records import Records

Watcher = Callable[["Supervisor"], None]


class Supervisor:
    """Runs parts until told to stop. ``facts`` go into what `status` answers; every change is shown to ``watch``."""

    def __init__(
        self,
        parts: Sequence[Part],
        state: StateDir,
        facts: Mapping[str, Any],
        watch: Watcher,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.parts = {part.name: part for part in parts}
        self.fleet = Fleet({part.name: part.rules for part in parts}, patience or Patience())
        self._state, self._facts, self._watch, self._clock = state, facts, watch, clock
        self._records = Records(state.processes)
        self._running: dict[str, PartProcess] = {}
        self._logs = {name: BoundedLog(state.log(name)) for name in self.parts}
        self._events = BoundedLog(state.log("supervisor"))
        self._words: dict[str, str] = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Start everything, keep it running, return when all has stopped after `shut_down`."""
        server = await answering.serve(self._state.control_socket, self._answer)
        try:
            self._do(self.fleet.tick(self._clock()))
            while not self.fleet.is_over:
                await self._wait()
                self._do(self.fleet.tick(self._clock()))
        finally:
            server.close()
            self._state.control_socket.unlink(missing_ok=True)

    def shut_down(self) -> None:
        """Stop everything in order; `run` then returns."""
        if not self.fleet.shutting_down:
            self._note("stopping")
            self._react(self.fleet.shut_down(self._clock()))

    def snapshot(self) -> dict[str, Any]:
        """What `status` shows, without measurements."""
        return {**self._facts, "state": self._summary(), "parts": [self._row(name) for name in self.parts]}

    def _summary(self) -> str:
        if self.fleet.shutting_down:
            return "stopping"
        if self.fleet.is_up:
            return "running"
        never = any(not life.ever_ready and life.phase is not Phase.GIVEN_UP for life in self.fleet.lives.values())
        return "starting" if never else "degraded"

    def _row(self, name: str) -> dict[str, Any]:
        life = self.fleet.lives[name]
        process = self._running.get(name)
        pid = process.pid if process else None
        just_died = life.phase is Phase.READY and pid is None
        return {
            "name": name,
            "state": (Phase.BACKING_OFF if just_died else life.phase).value,
            "pid": pid,
            "restarts": life.restarts,
            "seconds": round(self._clock() - life.since, 1),
            "says": self._words.get(name, ""),
            "why": life.why,
        }

    async def _wait(self) -> None:
        wakes_at = self.fleet.wakes_at()
        timeout = None if wakes_at is None else max(0.0, wakes_at - self._clock())
        try:
            await asyncio.wait_for(self._changed.wait(), timeout)
        except TimeoutError:
            return
        self._changed.clear()

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Launch(name):
                    self._launch(name)
                case Terminate(name):
                    self._running[name].terminate()
                case Kill(name):
                    self._note(f"{name}: killed, deadline passed")
                    self._running[name].kill()
        self._watch(self)

    def _react(self, actions: Sequence[Action]) -> None:
        self._do(actions)
        self._changed.set()

    def _launch(self, name: str) -> None:
        reports = Reports(
            started=lambda pid: self._started(name, pid),
            ready=lambda: self._ready(name),
            status=lambda words: self._said(name, words),
            exited=lambda code, why: self._exited(name, code, why),
        )
        notify = self._state.run / "notify" / f"{name}.sock"
        self._running[name] = PartProcess(self.parts[name], self._logs[name], notify, reports)

    def _started(self, name: str, pid: int) -> None:
        self._records.add(name, pid)
        self._note(f"{name}: started, process {pid}")

    def _ready(self, name: str) -> None:
        self._note(f"{name}: ready after {self._clock() - self.fleet.lives[name].since:.2f} s")
        self._words.pop(name, None)
        self._react(self.fleet.ready(name, self._clock()))

    def _said(self, name: str, words: str) -> None:
        self._words[name] = words
        self._watch(self)

    def _exited(self, name: str, code: int | None, why: str) -> None:
        self._words.pop(name, None)
        before = self.fleet.lives[name].phase
        actions = self.fleet.exited(name, self._clock(), code=code, why=why)
        after: Life = self.fleet.lives[name]
        self._note(f"{name}: was {before.value}, {why}; now {after.phase.value}")
        self._react(actions)

    def _note(self, text: str) -> None:
        self._events.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n".encode())

    def _answer(self, verb: str, part: str) -> dict[str, Any]:
        if verb == "status":
            return self.snapshot()
        if verb == "down":
            self.shut_down()
            return {"done": verb}
        if part not in self.parts:
            raise ValueError(f"no part is called {part!r}; there are: {', '.join(self.parts)}")
        act = {"stop": self.fleet.stop, "start": self.fleet.start, "restart": self.fleet.restart}.get(verb)
        if act is None:
            raise ValueError(f"unknown request {verb!r}")
        self._note(f"{part}: {verb} asked for")
        self._react(act(part, self._clock()))
        return {"done": verb}
