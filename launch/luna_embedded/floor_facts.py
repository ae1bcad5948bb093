"""What a floor's folder says of itself, as far as a run needs it: which map it is, which places it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from luna_embedded.exit_codes import Exit, Refusal

PARTICIPANTS = 120
"""Processes of ROS that have ports in one domain (DDSI-RTPS 2.5, section 9.6.2.3), of which a robot has three."""
MOST_ROBOTS = (PARTICIPANTS - 2) // 3
"""Beside the simulator and one `./luna ros`: one more would hear nobody."""


@dataclass(frozen=True)
class FloorFacts:
    """``kinds`` by location code."""

    map_id: str
    kinds: Mapping[str, str]

    @property
    def most_robots(self) -> int:
        """So many have a home: DOCK-1, DOCK-2, … without a gap."""
        return next(number for number in range(len(self.kinds) + 1) if self.kinds.get(f"DOCK-{number + 1}") != "DOCK")


def read_facts(folder: Path) -> FloorFacts:
    """From `waypoints.yaml`. Raises Refusal if it is missing or something else."""
    import yaml  # only who starts a run needs it

    file = folder / "waypoints.yaml"
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        kinds = {str(one["location_code"]): str(one["kind"]) for one in found["waypoints"]}
        return FloorFacts(str(found["map_id"]), kinds)
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        mend = "./luna sim import makes a floor of a map and its waypoints, and says what is wrong with them."
        raise Refusal(f"{file} is no file of waypoints: {error}", mend, Exit.USAGE) from error


def require_library(folder: Path, robots: int) -> None:
    """Raise Refusal if no library with so many robots can stand on this floor."""
    facts = read_facts(folder)
    lacking = [code for code in ("DESK-1", "DESK-2") if facts.kinds.get(code) != "DESK"]
    count = Counter(facts.kinds.values())
    lacking += [f"a place of kind {kind}" for kind in ("STUDY", "RETURN") if not count[kind]]
    if lacking:
        what = f"The floor {folder} lacks {', '.join(lacking)}."
        mend = "The catalog's books stand at DESK-1 and DESK-2; they are brought to a STUDY and given back at a RETURN."
        raise Refusal(what, mend, Exit.USAGE)
    if not 1 <= robots <= facts.most_robots:
        what = f"{folder.name} has docks for 1 to {facts.most_robots} robots (DOCK-1 and so on), not for {robots}."
        raise Refusal(what, "Choose another --robots.", Exit.USAGE)
    if robots > MOST_ROBOTS:
        raise Refusal(f"One machine has room for {MOST_ROBOTS} robots' nodes.", "Choose another --robots.", Exit.USAGE)
