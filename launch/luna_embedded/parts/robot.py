"""The robot's nodes in their two processes: navigator, executor and status in one, the safety supervisor alone."""

from __future__ import annotations

from luna_embedded.floor_facts import read_facts
from luna_embedded.parts import simulator
from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import ros_part_variables
from luna_embedded.supervision.lifecycle import Rules
from luna_embedded.supervision.part import Part


def onboard_name(robot: str) -> str:
    return f"robot-{robot}"


def safety_name(robot: str) -> str:
    return f"safety-{robot}"


def onboard(run: Run, robot: str) -> Part:
    """Navigator, executor and status. Waits for the simulator's clock by itself, hence needs nothing."""
    told = {"use_sim_time": "true", "map_id": read_facts(run.floor).map_id}
    return _node(run, robot, onboard_name(robot), "luna_robot.onboard", told)


def safety(run: Run, robot: str) -> Part:
    """The safety supervisor; on the steady clock, so that it does not depend on a simulated one."""
    return _node(run, robot, safety_name(robot), "luna_robot.safety_supervisor", {})


def _node(run: Run, robot: str, name: str, module: str, parameters: dict[str, str]) -> Part:
    folder = run.state.robot(robot)
    mask = run.floor / "keepout.yaml"
    zones = str(mask) if mask.exists() else ""
    told = {"robot_name": robot, "state_dir": str(folder), "keepout_mask": zones, **parameters}
    words = [word for key, value in told.items() for word in ("-p", f"{key}:={value}")]
    return Part(
        name=name,
        command=(run.ros_python, "-m", module, "--ros-args", "-r", f"__ns:=/{robot}", *words),
        environment=ros_part_variables(run),
        rules=Rules(needs=frozenset({simulator.NAME}), start_deadline=60.0),
        prepare=lambda: folder.mkdir(mode=0o700, exist_ok=True),
        folder=run.checkout.root,
    )
