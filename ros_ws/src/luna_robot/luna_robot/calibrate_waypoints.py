"""Say where places are by driving a robot there and clicking on it with RViz's "Publish Point".

`ros2 run luna_robot calibrate_waypoints --robot luna1 STUDY-11 STUDY-12` asks for one place after the other and prints
a line of JSON for each, as `POST /api/v1/robot/waypoints` takes it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import rclpy
from geometry_msgs.msg import PointStamped
from luna_interfaces.msg import RobotStatus
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from luna_robot.calibration import NotThere, Standing, as_json, place_at
from luna_robot.geometry import Pose
from luna_robot.nodes.common import LATCHED, RELIABLE

PATIENCE = 1800.0


class Calibrator:
    """Takes clicks for places in the order of their codes."""

    def __init__(self, robot: str, context: Context) -> None:
        self.node = Node("calibrate_waypoints", namespace=robot, context=context, enable_rosout=False)
        self._robot: Standing | None = None
        self._clicks: list[PointStamped] = []
        self.node.create_subscription(RobotStatus, "status", self._on_status, LATCHED)
        # RViz of operator.launch.py runs in the robot's namespace, one that somebody opens by hand in none.
        for topic in ("clicked_point", "/clicked_point"):
            self.node.create_subscription(PointStamped, topic, self._clicks.append, RELIABLE)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)

    def _on_status(self, told: RobotStatus) -> None:
        pose = Pose(told.x, told.y, told.yaw)
        self._robot = Standing(pose, told.localized, told.linear_velocity, told.angular_velocity)

    def place(self, code: str, patience: float) -> Pose | None:
        """Where the next click that makes sense is; None if nobody clicks so for ``patience`` seconds."""
        self._clicks.clear()
        tell(f"{code}: drive the robot there, then click on it with Publish Point")
        end = time.monotonic() + patience
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.2)
            while self._clicks:
                click = self._clicks.pop(0)
                try:
                    return place_at(click.header.frame_id, click.point.x, click.point.y, self._robot)
                except NotThere as refusal:
                    tell(f"{code}: {refusal}")
        return None

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(args: Sequence[str] | None = None) -> int:
    """0 = every place was given, 1 = nobody clicked in time, 130 = interrupted; what was given is printed anyway."""
    parser = argparse.ArgumentParser(prog="calibrate_waypoints", description=__doc__)
    parser.add_argument("--robot", default="luna1", help="the robot's namespace")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds to wait for each click")
    parser.add_argument("codes", nargs="+", metavar="LOCATION_CODE")
    asked = parser.parse_args(args)
    context = Context()
    rclpy.init(context=context)
    calibrator = Calibrator(asked.robot, context)
    try:
        for code in asked.codes:
            place = calibrator.place(code, asked.patience)
            if place is None:
                tell(f"{code}: nobody clicked within {asked.patience:g} s")
                return 1
            print(as_json(code, place), flush=True)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 130
    finally:
        calibrator.close()
        context.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
