"""What decides knows no ROS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import luna_robot

ROOT = Path(luna_robot.__file__).parent
NODES = {"onboard.py", "waypoint_navigator.py", "task_executor.py", "status_publisher.py", "safety_supervisor.py"}
NAVIGATION = {
    "action_drive.py",
    "bounded_commander.py",
    "create3_docking.py",
    "goal_sweep.py",
    "lifecycle.py",
    "nav2_actions.py",
    "simple_commander.py",
}
ROOMS = {"conversions", "nodes"}
SHELLS = {"calibrate_waypoints.py", *NODES, *NAVIGATION}


def test_the_cores_import_no_ros():
    cores = [path for path in ROOT.rglob("*.py") if path.name not in SHELLS and path.parent.name not in ROOMS]
    names = [".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__") for path in cores]
    program = f"import sys, importlib\nfor name in {names!r}: importlib.import_module(name)\n"
    program += "print([name for name in sys.modules if name.split('.')[0] in ('rclpy', 'luna_interfaces')])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
