"""Listens to the scans of some robots until it is ended: `python scan_listener.py r1 r2`. Says when it is ready."""

import sys

import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import LaserScan


def main(robots: list[str]) -> None:
    """One subscription for each robot; messages stay as they came, so that this costs little."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # a signal ends it at once: it holds nothing
    node = Node("scan_listener")
    for robot in robots:
        node.create_subscription(LaserScan, f"/{robot}/scan", lambda _: None, qos_profile_sensor_data, raw=True)
    print("listening", flush=True)
    rclpy.spin(node)


if __name__ == "__main__":
    main(sys.argv[1:])
