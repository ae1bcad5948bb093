"""`python -m luna_web.delivery.diagrams` prints the state machines as Mermaid, for the documentation."""

import sys
from collections.abc import Hashable, Iterator
from typing import TypeVar

from luna_web.delivery.domain.machines import COPY, HOLD, LOAN, REQUEST, RETURN, TASK, Machine
from luna_web.delivery.domain.states import TaskState

HEAD = """\
# State machines

Drawn from the tables of legal transitions in `luna_web/delivery/domain/machines.py` by
`python -m luna_web.delivery.diagrams > docs/states.md`; a test holds this page to them. Whatever is not an arrow here
is 409 `ILLEGAL_TRANSITION`. A terminal state is final.
"""

S = TypeVar("S", bound=Hashable)


def mermaid(machine: Machine[S]) -> str:
    """One `stateDiagram-v2`; the phases of a task stand inside IN_PROGRESS."""
    return "\n".join(["stateDiagram-v2", *(f"    {line}" for line in _lines(machine))])


def _lines(machine: Machine[S]) -> Iterator[str]:
    phases = [state for state in machine.states if isinstance(state, TaskState) and state.phase]
    if phases:
        yield "state IN_PROGRESS {"
        yield from (f"    {phase}" for phase in phases)
        yield "}"
    yield from (f"[*] --> {state}" for state in machine.initial)
    yield from (f"{move.source} --> {move.target}: {move.when}" for move in machine.transitions)
    yield from (f"{state} --> [*]" for state in machine.states if state in machine.terminal)


def document() -> str:
    """The page `docs/states.md`."""
    diagrams = {
        "Delivery task": mermaid(TASK),
        "Request": mermaid(REQUEST),
        "Return": mermaid(RETURN),
        "Loan": mermaid(LOAN),
        "Hold": mermaid(HOLD),
        "Copy": mermaid(COPY),
    }
    drawn = [f"## {name}\n\n```mermaid\n{diagram}\n```\n" for name, diagram in diagrams.items()]
    return "\n".join([HEAD, *drawn])


def main() -> None:
    sys.stdout.write(document())


if __name__ == "__main__":
    main()
