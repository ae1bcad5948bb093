"""Builds the package on a ROS machine."""

from setuptools import find_packages, setup

package_name = "luna_executor"

setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(),
    package_data={package_name: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (f"share/{package_name}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=True,
    maintainer="LUNA maintainers",
    maintainer_email="maintainers@luna-library.org",
    description="An executor for rclpy that wakes up cheaply.",
    license="Apache-2.0",
)
