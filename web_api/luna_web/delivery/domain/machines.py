"""The legal transitions of tasks, requests, returns, loans, holds and copies: one table each (`delivery.diagrams`).

That of copies is the catalog's.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from luna_web.book.domain import COPY_TRANSITIONS, CopyStatus
from luna_web.delivery.domain.states import (
    ASSIGNED,
    CANCELLED,
    COMPLETED,
    FAILED,
    PENDING,
    QUEUED,
    HoldStatus,
    LoanStatus,
    RequestStatus,
    ReturnStatus,
    TaskPhase,
    TaskState,
    in_phase,
)

S = TypeVar("S", bound=Hashable)


class IllegalTransition(Exception):
    """The table has no way from `source` to `target`; `allowed` says where one can go from there."""

    def __init__(self, machine: str, source: str, target: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"A {machine} that is {source} cannot become {target}.")
        self.machine, self.source, self.target, self.allowed = machine, source, target, allowed


@dataclass(frozen=True, slots=True)
class Transition(Generic[S]):
    source: S
    target: S
    when: str


@dataclass(frozen=True)
class Machine(Generic[S]):
    """States in the order they are drawn, and what leads from one to another.

    `aside` are states that a search for the way between two others enters only when there is no other way.
    """

    name: str
    initial: tuple[S, ...]
    transitions: tuple[Transition[S], ...]
    aside: frozenset[S] = frozenset()

    @property
    def states(self) -> tuple[S, ...]:
        return tuple(
            dict.fromkeys((*self.initial, *(end for move in self.transitions for end in (move.source, move.target))))
        )

    @property
    def terminal(self) -> frozenset[S]:
        return frozenset(self.states) - {move.source for move in self.transitions}

    def allowed(self, source: S) -> tuple[S, ...]:
        """What may follow directly, in the table's order."""
        return tuple(move.target for move in self.transitions if move.source == source)

    def check(self, source: S, target: S) -> None:
        """Raise IllegalTransition unless the table leads directly from one to the other."""
        if target not in self.allowed(source):
            raise self.refusal(source, target)

    def way(self, source: S, target: S) -> tuple[S, ...]:
        """The states to pass, `target` last, for one that was seen there although steps between were not; () if equal.

        Raises IllegalTransition where nothing leads there.
        """
        if source == target:
            return ()
        found = self._shortest(source, target, avoiding=self.aside) or self._shortest(
            source, target, avoiding=frozenset()
        )
        if found is None:
            raise self.refusal(source, target)
        return found

    def _shortest(self, source: S, target: S, avoiding: frozenset[S]) -> tuple[S, ...] | None:
        came_from: dict[S, S] = {}
        waiting = deque([source])
        while waiting:
            here = waiting.popleft()
            for following in self.allowed(here):
                if following not in came_from and following != source:
                    came_from[following] = here
                    if following == target:
                        return _back(came_from, source, target)
                    if following not in avoiding:
                        waiting.append(following)
        return None

    def refusal(self, source: S, target: S) -> IllegalTransition:
        """That it does not lead from one to the other, and where it does lead."""
        return IllegalTransition(
            self.name, str(source), str(target), tuple(str(state) for state in self.allowed(source))
        )


def _back(came_from: Mapping[S, S], source: S, target: S) -> tuple[S, ...]:
    steps = [target]
    while came_from[steps[-1]] != source:
        steps.append(came_from[steps[-1]])
    return tuple(reversed(steps))


def _table(rows: Iterable[tuple[S, S, str]]) -> tuple[Transition[S], ...]:
    return tuple(Transition(source, target, when) for source, target, when in rows)


TO_PICKUP = in_phase(TaskPhase.TO_PICKUP)
AWAITING_LOAD = in_phase(TaskPhase.AWAITING_LOAD)
CLEARING = in_phase(TaskPhase.CLEARING)
TO_DROPOFF = in_phase(TaskPhase.TO_DROPOFF)
AWAITING_UNLOAD = in_phase(TaskPhase.AWAITING_UNLOAD)
TO_FALLBACK = in_phase(TaskPhase.TO_FALLBACK)
AWAITING_FALLBACK_UNLOAD = in_phase(TaskPhase.AWAITING_FALLBACK_UNLOAD)
AWAITING_RECOVERY = in_phase(TaskPhase.AWAITING_RECOVERY)

TASK: Machine[TaskState] = Machine(
    "delivery task",
    initial=(PENDING, QUEUED),
    aside=frozenset({AWAITING_RECOVERY, QUEUED}),
    transitions=_table(
        (
            (PENDING, QUEUED, "accepted by a librarian"),
            (PENDING, CANCELLED, "request cancelled"),
            (QUEUED, ASSIGNED, "a robot takes it"),
            (QUEUED, CANCELLED, "cancelled"),
            (ASSIGNED, TO_PICKUP, "the robot sets off"),
            (ASSIGNED, QUEUED, "the robot refused it or is lost"),
            (ASSIGNED, AWAITING_RECOVERY, "the robot lost its journal"),
            (ASSIGNED, FAILED, "no robot can do it"),
            (ASSIGNED, CANCELLED, "cancelled"),
            (TO_PICKUP, AWAITING_LOAD, "arrived"),
            (TO_PICKUP, QUEUED, "pickup not reached, or robot lost"),
            (TO_PICKUP, FAILED, "pickup not reached for the last time"),
            (TO_PICKUP, CANCELLED, "cancelled"),
            (TO_PICKUP, AWAITING_RECOVERY, "needs a person"),
            (AWAITING_LOAD, TO_DROPOFF, "loading confirmed"),
            (AWAITING_LOAD, CLEARING, "time over, or cancelled"),
            (AWAITING_LOAD, QUEUED, "not loaded"),
            (AWAITING_LOAD, FAILED, "not loaded for the last time"),
            (AWAITING_LOAD, CANCELLED, "cancelled"),
            (AWAITING_LOAD, AWAITING_RECOVERY, "needs a person"),
            (CLEARING, TO_DROPOFF, "loading confirmed late"),
            (CLEARING, QUEUED, "not loaded"),
            (CLEARING, FAILED, "not loaded for the last time"),
            (CLEARING, CANCELLED, "cancelled"),
            (CLEARING, AWAITING_RECOVERY, "needs a person"),
            (TO_DROPOFF, AWAITING_UNLOAD, "arrived"),
            (TO_DROPOFF, TO_FALLBACK, "cancelled, or destination not reached"),
            (TO_DROPOFF, AWAITING_RECOVERY, "needs a person"),
            (AWAITING_UNLOAD, COMPLETED, "unloading confirmed"),
            (AWAITING_UNLOAD, TO_FALLBACK, "not collected, or cancelled"),
            (AWAITING_UNLOAD, FAILED, "nothing was on board"),
            (AWAITING_UNLOAD, AWAITING_RECOVERY, "needs a person"),
            (TO_FALLBACK, AWAITING_FALLBACK_UNLOAD, "arrived"),
            (TO_FALLBACK, AWAITING_RECOVERY, "needs a person"),
            (AWAITING_FALLBACK_UNLOAD, FAILED, "brought back"),
            (AWAITING_FALLBACK_UNLOAD, CANCELLED, "brought back after a cancel"),
            (AWAITING_FALLBACK_UNLOAD, COMPLETED, "nothing on board: the reader has it"),
            (AWAITING_FALLBACK_UNLOAD, AWAITING_RECOVERY, "needs a person"),
            (AWAITING_RECOVERY, TO_PICKUP, "resumed"),
            (AWAITING_RECOVERY, AWAITING_LOAD, "resumed"),
            (AWAITING_RECOVERY, CLEARING, "resumed"),
            (AWAITING_RECOVERY, TO_DROPOFF, "resumed"),
            (AWAITING_RECOVERY, AWAITING_UNLOAD, "resumed"),
            (AWAITING_RECOVERY, TO_FALLBACK, "to the fallback"),
            (AWAITING_RECOVERY, AWAITING_FALLBACK_UNLOAD, "resumed"),
            (AWAITING_RECOVERY, QUEUED, "nothing on board: another attempt"),
            (AWAITING_RECOVERY, COMPLETED, "settled by a person: it is where it belongs"),
            (AWAITING_RECOVERY, FAILED, "settled by a person"),
            (AWAITING_RECOVERY, CANCELLED, "cancelled"),
        )
    ),
)

REQUEST: Machine[RequestStatus] = Machine(
    "request",
    initial=(RequestStatus.PENDING,),
    transitions=_table(
        (
            (RequestStatus.PENDING, RequestStatus.APPROVED, "accepted by a librarian"),
            (RequestStatus.PENDING, RequestStatus.CANCELLED, "cancelled, or nobody accepted it in time"),
            (RequestStatus.APPROVED, RequestStatus.IN_PROGRESS, "the book is on the robot"),
            (RequestStatus.APPROVED, RequestStatus.COMPLETED, "collected at the desk"),
            (RequestStatus.APPROVED, RequestStatus.CANCELLED, "cancelled, or nobody saw to it in time"),
            (RequestStatus.IN_PROGRESS, RequestStatus.COMPLETED, "the reader has the book"),
            (RequestStatus.IN_PROGRESS, RequestStatus.CANCELLED, "not collected, or cancelled"),
            (RequestStatus.IN_PROGRESS, RequestStatus.APPROVED, "brought back unoffered: needs attention"),
        )
    ),
)

RETURN: Machine[ReturnStatus] = Machine(
    "return",
    initial=(ReturnStatus.PENDING,),
    aside=frozenset({ReturnStatus.PENDING}),
    transitions=_table(
        (
            (ReturnStatus.PENDING, ReturnStatus.PICKUP_SCHEDULED, "a robot takes it"),
            (ReturnStatus.PENDING, ReturnStatus.CANCELLED, "cancelled"),
            (ReturnStatus.PICKUP_SCHEDULED, ReturnStatus.PICKED_UP, "the book is on the robot"),
            (ReturnStatus.PICKUP_SCHEDULED, ReturnStatus.PENDING, "queued again"),
            (ReturnStatus.PICKUP_SCHEDULED, ReturnStatus.CANCELLED, "cancelled, or failed"),
            (ReturnStatus.PICKED_UP, ReturnStatus.COMPLETED, "taken off at the workstation"),
            (ReturnStatus.PICKED_UP, ReturnStatus.CANCELLED, "failed"),
        )
    ),
)

LOAN: Machine[LoanStatus] = Machine(
    "loan",
    initial=(LoanStatus.OPEN,),
    transitions=_table(
        (
            (LoanStatus.OPEN, LoanStatus.OPEN, "renewed"),
            (LoanStatus.OPEN, LoanStatus.RETURNED, "brought by a robot, or checked in at the desk"),
            (LoanStatus.OPEN, LoanStatus.LOST, "reported lost"),
            (LoanStatus.LOST, LoanStatus.RETURNED, "found again"),
        )
    ),
)

HOLD: Machine[HoldStatus] = Machine(
    "hold",
    initial=(HoldStatus.WAITING,),
    transitions=_table(
        (
            (HoldStatus.WAITING, HoldStatus.OFFERED, "a copy is kept for the reader"),
            (HoldStatus.WAITING, HoldStatus.FULFILLED, "the reader got another copy"),
            (HoldStatus.WAITING, HoldStatus.CANCELLED, "cancelled, or the title is removed"),
            (HoldStatus.OFFERED, HoldStatus.FULFILLED, "requested, or lent at the desk"),
            (HoldStatus.OFFERED, HoldStatus.WAITING, "the copy turned out damaged"),
            (HoldStatus.OFFERED, HoldStatus.EXPIRED, "not taken in time"),
            (HoldStatus.OFFERED, HoldStatus.CANCELLED, "cancelled"),
        )
    ),
)

COPY: Machine[CopyStatus] = Machine("copy", initial=(CopyStatus.AVAILABLE,), transitions=_table(COPY_TRANSITIONS))
