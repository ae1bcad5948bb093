"""A robot as robot.launch.py starts it, on the embedded simulator instead of a base, a lidar and Nav2."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import unittest
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import pytest

from tests.domains import Domain
from tests.ros.luna_robot.controller import Controller

ROOT = Path(__file__).parents[2]
ROBOT = "luna1"
SPEED = 6.0


def require_ros() -> None:
    """Skip the module where there is no launch_testing, or LUNA has not been built."""
    for package in ("launch", "launch_ros", "launch_testing", "launch_testing_ros"):
        found = find_spec(package)
        if found is None or found.origin is None:  # LUNA's own folder of that name has no origin
            pytest.skip(f"ROS's {package} is not installed", allow_module_level=True)
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    try:
        get_package_prefix("luna_bringup")
    except PackageNotFoundError:
        pytest.skip("luna_bringup is not built: colcon build --base-paths ros_ws/src launch", allow_module_level=True)


class Stage:
    """What a suite's launch is made of: its actions, a controller that hears it, a folder for state and logs."""

    def __init__(self, respawn: bool) -> None:
        from launch.actions import ExecuteProcess, IncludeLaunchDescription, SetEnvironmentVariable
        from launch.launch_description_sources import PythonLaunchDescriptionSource

        from luna_bringup.describing import share

        self.folder = Path(tempfile.mkdtemp(prefix="luna-launch-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.domain = Domain()
        python_path = os.pathsep.join([str(ROOT / "sim"), os.environ.get("PYTHONPATH", "")])
        self.simulator = ExecuteProcess(
            cmd=[sys.executable, "-m", "luna_sim", "--floor", str(ROOT / "sim" / "maps" / "library"), "--robots", ROBOT,
                 "--speed", str(SPEED), "--state-dir", str(self.folder / "sim")],
            additional_env={"PYTHONPATH": python_path},
            output="screen",
        )  # fmt: skip
        arguments = {
            "namespace": ROBOT, "state_dir": str(self.folder / ROBOT), "map_id": "library", "use_sim_time": "true",
            "map": str(ROOT / "sim" / "maps" / "library" / "map.yaml"), "nav2": "false", "rosbridge": "false",
            "respawn": str(respawn).lower(),
        }  # fmt: skip
        source = PythonLaunchDescriptionSource(share("launch", "robot.launch.py"))
        self.actions = [
            SetEnvironmentVariable("ROS_DOMAIN_ID", str(self.domain.number)),
            self.simulator,
            IncludeLaunchDescription(source, launch_arguments=list(arguments.items())),
        ]

    def controller(self) -> Controller:
        return Controller(f"/{ROBOT}", self.domain.number)


class Story(unittest.TestCase):
    """Tests of one running launch, which share a controller."""

    shared: ClassVar[Controller | None] = None

    def talk(self, stage: Stage) -> Controller:
        cls = type(self)
        cls.shared = cls.shared or stage.controller()
        return cls.shared

    @classmethod
    def tearDownClass(cls) -> None:
        if cls.shared:
            cls.shared.close()
