"""What faults keep a robot from, all of them together."""

from collections.abc import Iterable
from dataclasses import dataclass

from luna_sim.core.faults import Fault, Kind


@dataclass(frozen=True, slots=True)
class Impairment:
    """What a robot can't do as it should, and what its sensors say of it."""

    stands: bool = False
    """Its wheels do not turn, or turn in the air."""
    speed: float = 1.0
    """Share of the speed that is left."""
    stalled: bool = False
    """Its wheels are blocked, and the base notices."""
    lifted: bool = False
    bumped: bool = False
    silent: bool = False
    """Publishes nothing."""


SOUND = Impairment()


def impairment(faults: Iterable[Fault]) -> Impairment:
    """Of a robot that has these faults now."""
    having = tuple(faults)
    if not having:
        return SOUND
    kinds = {fault.kind for fault in having}
    lifted = bool(kinds & {Kind.LIFTED, Kind.MOVED})
    return Impairment(
        stands=lifted or Kind.MOTOR_STALL in kinds,
        speed=min((f.number("factor") for f in having if f.kind is Kind.SLOW), default=1.0),
        stalled=Kind.MOTOR_STALL in kinds,
        lifted=lifted,
        bumped=Kind.BUMPER in kinds,
        silent=Kind.BASE_SILENT in kinds,
    )
