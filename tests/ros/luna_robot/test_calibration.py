"""Places are calibrated by clicks in RViz, whichever namespace RViz runs in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Thread

import pytest
import rclpy
from geometry_msgs.msg import PointStamped
from luna_interfaces.msg import RobotStatus
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from luna_robot.calibrate_waypoints import Calibrator
from luna_robot.geometry import Pose
from luna_robot.nodes.common import LATCHED
from tests.domains import Domain


@pytest.fixture
def context() -> Iterator[Context]:
    with closing(Domain()) as domain:
        one = Context()
        rclpy.init(context=one, domain_id=domain.number)
        yield one
        one.try_shutdown()


@pytest.mark.parametrize("topic", ["clicked_point", "/clicked_point"])
def test_a_click_counts_from_the_robots_own_rviz_and_from_any_other(context: Context, topic: str) -> None:
    rviz = Node("rviz2", namespace="luna1", context=context)
    status = rviz.create_publisher(RobotStatus, "status", LATCHED)
    clicks = rviz.create_publisher(PointStamped, topic, 1)
    click = PointStamped()
    click.header.frame_id = "map"
    click.point.x, click.point.y = 3.1, 4.0
    status.publish(RobotStatus(x=3.0, y=4.0, yaw=0.5, localized=True))
    rviz.create_timer(0.2, lambda: clicks.publish(click))
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(rviz)
    thread = Thread(target=_spin, args=(executor,), daemon=True)
    thread.start()
    calibrator = Calibrator("luna1", context)
    assert calibrator.place("DESK-1", 20.0) == Pose(3.0, 4.0, 0.5)
    calibrator.close()
    executor.shutdown()
    thread.join(5.0)


def _spin(executor: SingleThreadedExecutor) -> None:
    with suppress(ExternalShutdownException):
        executor.spin()
