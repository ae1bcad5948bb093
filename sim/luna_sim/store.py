"""Where the robots stand, kept over restarts of the simulator: one small JSON file, replaced as a whole."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luna_sim.core.geometry import Pose
from luna_sim.core.robot import RobotState

FORMAT = 1
_LATEST_NS = 2**31 * 1_000_000_000
"""builtin_interfaces/Time holds seconds in 32 bits."""


class StateError(ValueError):
    """A state file that can't be used."""


@dataclass(frozen=True, slots=True)
class SavedState:
    """Everything that outlives the process."""

    map_id: str
    time_ns: int
    robots: Mapping[str, RobotState]


class StateStore:
    """The file `simulator.json` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "simulator.json"

    def load(self) -> SavedState | None:
        """What was saved last; nothing on a first start.

        Raises:
            StateError: there is a file, but it is damaged.
        """
        try:
            return _decoded(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise StateError(f"{self.path}: {error}") from error

    def save(self, state: SavedState) -> None:
        """Replace the file; a crash leaves the old or the new one, never half of one."""
        fresh = self.path.with_suffix(".tmp")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(_encoded(state), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def set_aside(self) -> Path:
        """Move a damaged file out of the way, for people to look at."""
        return self.path.replace(self.path.with_suffix(".damaged"))


def _encoded(state: SavedState) -> dict[str, Any]:
    robots = {
        name: {"x": r.pose.x, "y": r.pose.y, "yaw": r.pose.yaw, "energy": r.energy} for name, r in state.robots.items()
    }
    return {"format": FORMAT, "map_id": state.map_id, "time_ns": state.time_ns, "robots": robots}


def _decoded(data: dict[str, Any]) -> SavedState:
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']!r} is not known")
    robots = {name: _robot(one) for name, one in data["robots"].items()}
    time_ns = int(data["time_ns"])
    if not 0 <= time_ns < _LATEST_NS:
        raise ValueError(f"time_ns {time_ns} is no time that ROS can tell")
    return SavedState(str(data["map_id"]), time_ns, robots)


def _robot(data: dict[str, Any]) -> RobotState:
    values = [float(data[key]) for key in ("x", "y", "yaw", "energy")]
    if not all(map(math.isfinite, values)):
        raise ValueError("a number is not finite")
    return RobotState(Pose(*values[:3]), values[3])
