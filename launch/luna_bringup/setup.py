"""Builds the package on a ROS machine."""

from collections.abc import Iterator
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

package_name = "luna_bringup"
share = f"share/{package_name}"
folders = ("launch", "config", "config/filters", "behavior_trees", "rviz", "systemd")


def floors() -> Iterator[tuple[str, list[str]]]:
    """Floors of the source tree, if this is one: a simulation finds them installed where it is not."""
    for floor in sorted(Path("../../sim/maps").glob("*/world.sdf")):
        for folder in (floor.parent, floor.parent / "textures"):
            files = sorted(str(file) for file in folder.iterdir() if file.is_file())
            yield f"{share}/floors/{folder.relative_to('../../sim/maps')}", files


setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    package_data={package_name: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (share, ["package.xml"]),
        *((f"{share}/{folder}", sorted(glob(f"{folder}/*.*"))) for folder in folders),
        *floors(),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=True,
    maintainer="LUNA maintainers",
    maintainer_email="maintainers@luna-library.org",
    description="Starts LUNA on a TurtleBot 4, in Gazebo, or on an operator's screen.",
    license="Apache-2.0",
    entry_points={"console_scripts": ["rosbridge = luna_bringup.rosbridge:main"]},
)
