"""The simulator of the library: every robot's base, docks and Nav2 as the nodes see them, and the clock."""

from __future__ import annotations

from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import ros_part_variables
from luna_embedded.supervision.lifecycle import Rules
from luna_embedded.supervision.part import Part

NAME = "sim"


def part(run: Run) -> Part:
    words = {
        "--floor": str(run.floor),
        "--robots": ",".join(run.options.robot_names),
        "--speed": str(run.options.sim_speed),
        "--people": str(run.options.people),
        "--seed": str(run.options.seed),
        "--state-dir": str(run.state.simulator),
    }
    if run.scenario is not None:
        words["--scenario"] = str(run.scenario)
    arguments = [word for pair in words.items() for word in pair]
    return Part(
        name=NAME,
        command=(run.ros_python, "-m", "luna_sim", *arguments),
        environment=ros_part_variables(run),
        rules=Rules(start_deadline=60.0),
        folder=run.checkout.root,
    )
