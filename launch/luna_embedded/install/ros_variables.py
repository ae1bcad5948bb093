"""The environment variables under which programs find ROS from wheels, to build against it and to run with it."""

from __future__ import annotations

from pathlib import Path

from luna_embedded.layout import python_of

PREPARED_LIBS = "luna-lib"
FAST_DDS = Path(__file__).resolve().parents[1] / "fastdds.xml"


def site_packages(env: Path) -> Path:
    """The environment's folder of installed modules."""
    return next((env / "lib").glob("python3.*")) / "site-packages"


def _wheel_libs(env: Path) -> list[str]:
    return [str(folder) for folder in sorted(site_packages(env).glob("ros_*.libs"))]


def build_variables(env: Path) -> dict[str, str]:
    """Variables for colcon."""
    return {
        "ROS_DISTRO": "jazzy",
        "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1",
        "AMENT_PREFIX_PATH": str(env),
        "CMAKE_PREFIX_PATH": str(env),
        "LD_LIBRARY_PATH": ":".join([str(env / "lib"), *_wheel_libs(env)]),
    }


def run_variables(env: Path, install: Path) -> dict[str, str]:
    """Variables for nodes: the wheels, and every interface package under colcon's ``install``.

    `_ROS_WHEELS_BOOTSTRAP_COMPLETE` says that LD_LIBRARY_PATH is set, so that the wheels do not start Python anew.
    """
    packages = sorted(path.parent.parent.parent for path in install.glob("*/share/*/package.xml"))
    python = site_packages(env).parent.name
    libraries = [
        str(env / "lib"),
        *(f"{package}/lib" for package in packages),
        *_wheel_libs(env),
        str(env / PREPARED_LIBS),
    ]
    return {
        "ROS_DISTRO": "jazzy",
        "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1",
        "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp",
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT",  # the profile's: this machine, over UDP
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(FAST_DDS),
        "AMENT_PREFIX_PATH": ":".join([str(env), *map(str, packages)]),
        "LD_LIBRARY_PATH": ":".join(libraries),
        "PYTHONPATH": ":".join(f"{package}/lib/{python}/site-packages" for package in packages),
        "PATH": f"{python_of(env).parent}:/usr/local/bin:/usr/bin:/bin",
    }
