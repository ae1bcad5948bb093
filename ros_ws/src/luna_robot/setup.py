"""Builds the package on a ROS machine."""

from setuptools import find_packages, setup

package_name = "luna_robot"

setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(),
    package_data={package_name: ["py.typed", "config/*.yaml"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (f"share/{package_name}", ["package.xml"]),
        (f"share/{package_name}/config", [f"{package_name}/config/robot.yaml"]),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=True,
    maintainer="LUNA maintainers",
    maintainer_email="maintainers@luna-library.org",
    description="The nodes of LUNA that run on a robot: navigation to waypoints, deliveries, status, safety.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "onboard = luna_robot.onboard:main",
            "waypoint_navigator = luna_robot.waypoint_navigator:main",
            "task_executor = luna_robot.task_executor:main",
            "status_publisher = luna_robot.status_publisher:main",
            "safety_supervisor = luna_robot.safety_supervisor:main",
            "calibrate_waypoints = luna_robot.calibrate_waypoints:main",
            "reset_epoch = luna_robot.reset_epoch:main",
        ],
    },
)
