"""The lives of parts, decided without any process, socket or clock: events and the time come in, actions go out.

        ┌──────────────────── restart after a pause ◄── BACKING_OFF ◄─┐ died
        ▼                                                             │
    WAITING ── needs are met ──► STARTING ── says that it is ready ──► READY (a one-shot: DONE)
                                    │ deadline                        │ stop
                                    ▼                                 ▼
                       died too often: GIVEN_UP                    STOPPING ──► STOPPED

A part starts when all that it needs are READY or DONE, and stops when nothing that needs it is left. One that dies is
started again without its dependents being touched: they reconnect by themselves. Times are seconds of a steady clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum


class Phase(Enum):
    """Where in its life a part is; the value is what `status` shows."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "running"
    DONE = "done"
    BACKING_OFF = "backing off"
    GIVEN_UP = "given up"
    STOPPING = "stopping"
    STOPPED = "stopped"


ALIVE = frozenset({Phase.STARTING, Phase.READY, Phase.STOPPING})
MET = frozenset({Phase.READY, Phase.DONE})


@dataclass(frozen=True)
class Rules:
    """What holds for one part. Times in seconds."""

    needs: frozenset[str] = frozenset()
    one_shot: bool = False
    start_deadline: float = 60.0
    stop_deadline: float = 8.0


@dataclass(frozen=True)
class Patience:
    """When to start a part again, and when to give up. A death within ``quick`` seconds of being ready counts as quick.

    A part that has never been ready in this run gets ``first_tries``; one that has, ``tries`` quick deaths in a row.
    """

    quick: float = 5.0
    first_tries: int = 3
    tries: int = 20
    first_pause: float = 0.25
    longest_pause: float = 10.0

    def pause(self, quick_deaths: int) -> float:
        """How long to wait after so many quick deaths in a row; none after a death that was not quick."""
        return min(self.longest_pause, self.first_pause * 2 ** (quick_deaths - 1)) if quick_deaths else 0.0

    def is_over(self, quick_deaths: int, *, ever_ready: bool) -> bool:
        """Whether to give up."""
        return quick_deaths >= (self.tries if ever_ready else self.first_tries)


@dataclass(frozen=True)
class Life:
    """The state of one part. ``until``: end of the present phase, where it has one; ``held``: a person stopped it."""

    phase: Phase = Phase.WAITING
    since: float = 0.0
    until: float | None = None
    restarts: int = 0
    quick_deaths: int = 0
    ever_ready: bool = False
    held: bool = False
    again: bool = False
    why: str = ""


@dataclass(frozen=True)
class Launch:
    """Start the part's process."""

    name: str


@dataclass(frozen=True)
class Terminate:
    """Ask the part's process to end."""

    name: str


@dataclass(frozen=True)
class Kill:
    """End the part's processes at once."""

    name: str


Action = Launch | Terminate | Kill


@dataclass
class Fleet:
    """All parts and their lives. Every method takes the time and returns what to do now, in that order.

    Once a shutdown has begun, orders for single parts no longer count.
    """

    rules: Mapping[str, Rules]
    patience: Patience = field(default_factory=Patience)
    lives: dict[str, Life] = field(default_factory=dict)
    shutting_down: bool = False

    def __post_init__(self) -> None:
        unknown = {need for rules in self.rules.values() for need in rules.needs} - set(self.rules)
        if unknown:
            raise ValueError(f"needed, but not a part: {', '.join(sorted(unknown))}")
        self.lives = {name: Life() for name in self.rules}
        self._needed_by = {
            name: frozenset(other for other in self.rules if name in self._all_needs(other)) for name in self.rules
        }

    def _all_needs(self, name: str) -> frozenset[str]:
        direct = self.rules[name].needs
        return direct.union(*(self._all_needs(need) for need in direct))

    def tick(self, now: float) -> list[Action]:
        """Do whatever the time or earlier events have made due."""
        due = [action for name in self.rules for action in self._overdue(name, now)]
        return due + (self._stop_next(now) if self.shutting_down else self._start_next(now))

    def ready(self, name: str, now: float) -> list[Action]:
        """The part says that it serves."""
        if self.lives[name].phase is Phase.STARTING and not self.rules[name].one_shot:
            self._enter(name, Phase.READY, now, ever_ready=True, why="")
        return self.tick(now)

    def exited(self, name: str, now: float, *, code: int | None, why: str) -> list[Action]:
        """The part's process has ended, or could not be started (``code`` None)."""
        life = self.lives[name]
        if life.phase is Phase.STOPPING:
            self._enter(name, Phase.WAITING if life.again else Phase.STOPPED, now, again=False)
        elif self.rules[name].one_shot and code == 0:
            self._enter(name, Phase.DONE, now, ever_ready=True, why="")
        elif life.phase in ALIVE:
            self._mourn(name, now, why)
        return self.tick(now)

    def stop(self, name: str, now: float) -> list[Action]:
        """A person wants this part stopped until they start it again; nothing else is touched."""
        if self.shutting_down:
            return []
        self.lives[name] = replace(self.lives[name], held=True, again=False)
        return self._end(name, now)

    def start(self, name: str, now: float) -> list[Action]:
        """A person wants this part to run; forgives what it did before. A part that runs is left alone."""
        if self.shutting_down:
            return []
        life = self.lives[name]
        fresh = replace(life, held=False, quick_deaths=0)
        if life.phase is Phase.STOPPING:
            self.lives[name] = replace(fresh, again=True)
        elif life.phase in ALIVE:
            self.lives[name] = fresh
        else:
            self.lives[name] = replace(fresh, phase=Phase.WAITING, since=now, until=None)
        return self.tick(now)

    def restart(self, name: str, now: float) -> list[Action]:
        """A person wants this part stopped and started."""
        if self.shutting_down:
            return []
        if self.lives[name].phase not in ALIVE:
            return self.start(name, now)
        actions = self._end(name, now)
        self.lives[name] = replace(self.lives[name], held=False, again=True, quick_deaths=0)
        return actions

    def shut_down(self, now: float) -> list[Action]:
        """Stop everything, what is needed last."""
        self.shutting_down = True
        for name, life in self.lives.items():
            self.lives[name] = replace(life, again=False)
        return self.tick(now)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs any more after a shutdown."""
        return self.shutting_down and not any(life.phase in ALIVE for life in self.lives.values())

    @property
    def is_up(self) -> bool:
        """Whether every part serves or has done its work; what a person stopped does not count."""
        return all(life.phase in MET or life.held for life in self.lives.values())

    @property
    def given_up(self) -> list[str]:
        """The parts that died too often."""
        return [name for name, life in self.lives.items() if life.phase is Phase.GIVEN_UP]

    def wakes_at(self) -> float | None:
        """The earliest time at which `tick` may have something to do."""
        return min((life.until for life in self.lives.values() if life.until is not None), default=None)

    def _overdue(self, name: str, now: float) -> Iterable[Action]:
        life = self.lives[name]
        if life.until is None or now < life.until:
            return
        if life.phase is Phase.STARTING:
            self.lives[name] = replace(life, until=None, why=f"not ready after {self.rules[name].start_deadline:.0f} s")
            yield Kill(name)
        elif life.phase is Phase.STOPPING:
            self.lives[name] = replace(life, until=None)
            yield Kill(name)
        elif life.phase is Phase.BACKING_OFF:
            self._enter(name, Phase.WAITING, now)

    def _start_next(self, now: float) -> list[Action]:
        startable = [name for name, life in self.lives.items() if life.phase is Phase.WAITING and self._may_start(name)]
        for name in startable:
            self._enter(name, Phase.STARTING, now, until=now + self.rules[name].start_deadline)
        return [Launch(name) for name in startable]

    def _may_start(self, name: str) -> bool:
        # A part that was ready once starts again on its own: what it needs may be restarting too.
        life = self.lives[name]
        return not life.held and (
            life.ever_ready or all(self.lives[need].phase in MET for need in self.rules[name].needs)
        )

    def _stop_next(self, now: float) -> list[Action]:
        actions: list[Action] = []
        for name in self.rules:
            if not any(self.lives[other].phase in ALIVE for other in self._needed_by[name]):
                actions += self._end(name, now)
        return actions

    def _end(self, name: str, now: float) -> list[Action]:
        phase = self.lives[name].phase
        if phase in (Phase.STARTING, Phase.READY):
            self._enter(name, Phase.STOPPING, now, until=now + self.rules[name].stop_deadline)
            return [Terminate(name)]
        if phase in (Phase.WAITING, Phase.BACKING_OFF):
            self._enter(name, Phase.STOPPED, now)
        return []

    def _mourn(self, name: str, now: float, why: str) -> None:
        life = self.lives[name]
        lived = life.phase is Phase.READY and now - life.since >= self.patience.quick
        deaths = 0 if lived else life.quick_deaths + 1
        why = life.why or why
        if self.patience.is_over(deaths, ever_ready=life.ever_ready):
            self._enter(name, Phase.GIVEN_UP, now, quick_deaths=deaths, why=why)
            return
        until = now + self.patience.pause(deaths)
        self._enter(name, Phase.BACKING_OFF, now, until=until, quick_deaths=deaths, restarts=life.restarts + 1, why=why)

    def _enter(self, name: str, phase: Phase, now: float, *, until: float | None = None, **changes: object) -> None:
        self.lives[name] = replace(self.lives[name], phase=phase, since=now, until=until, **changes)  # type: ignore[arg-type]
