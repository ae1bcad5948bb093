"""Prints a robot's measured velocity as JSON lines, one per odometry message; run with the ROS environment's Python.

Each line: ``{"at": <time.time(), seconds>, "linear": <m/s>, "angular": <rad/s>}``.
Usage: ``odom_watch.py /luna1/odom``.
"""

from __future__ import annotations

import json
import sys
import time

import rclpy
from nav_msgs.msg import Odometry
from rclpy.executors import ExternalShutdownException
from rclpy.qos import qos_profile_sensor_data


def tell(odometry: Odometry) -> None:
    twist = odometry.twist.twist
    print(json.dumps({"at": time.time(), "linear": twist.linear.x, "angular": twist.angular.z}), flush=True)


def main() -> None:
    rclpy.init()
    node = rclpy.create_node("odom_watch")
    node.create_subscription(Odometry, sys.argv[1], tell, qos_profile_sensor_data)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RuntimeError:  # RCLError is one: it was told to end between two calls of rclpy
        if rclpy.ok():
            raise


if __name__ == "__main__":
    main()
