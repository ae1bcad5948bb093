"""Leaves the C++ half of ROS's interface generators out: nothing here is written in C++; it is half the build's time.

For each of these generators CMake is pointed at a package configuration of ours, which loads the real one (others refer
to its targets) and takes its generator off ament's list. What remains (C, Python, type descriptions, Fast DDS and
introspection type supports for C) is what rclpy and rosbridge-server-rs use.
"""

from __future__ import annotations

from pathlib import Path

CPP_GENERATORS = (
    "rosidl_generator_cpp",
    "rosidl_typesupport_cpp",
    "rosidl_typesupport_fastrtps_cpp",
    "rosidl_typesupport_introspection_cpp",
)


def muted_configuration(package: str, real: Path) -> str:
    """A CMake package configuration that is the ``real`` one without its generator."""
    return f"""\
set({package}_DIR "{real}")
include("${{{package}_DIR}}/{package}Config.cmake")
list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE REGEX "^{package}:")
"""


def without_cpp(env: Path, folder: Path) -> list[str]:
    """Write the configurations into ``folder``; returns the arguments that make CMake use them."""
    arguments = []
    for package in CPP_GENERATORS:
        place = folder / package
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{package}Config.cmake").write_text(muted_configuration(package, env / "share" / package / "cmake"))
        arguments.append(f"-D{package}_DIR={place}")
    return arguments
