"""What the launch files are written with: arguments from the table, files of this package, checks before a start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import EnvironmentVariable

from launch import LaunchContext, LaunchDescription
from luna_bringup.arguments import ARGUMENTS

Actions = Sequence[Any]


class Arguments:
    """The values of a file's arguments, as text, while it is being launched."""

    def __init__(self, context: LaunchContext) -> None:
        self._values = context.launch_configurations

    def __getitem__(self, name: str) -> str:
        return str(self._values[name])

    def yes(self, name: str) -> bool:
        return self[name] == "true"

    def pick(self, names: Iterable[str]) -> dict[str, str]:
        """Those that are passed on to an included file."""
        return {name: self[name] for name in names}


def described(names: Sequence[str], build: Callable[[Arguments], Actions]) -> LaunchDescription:
    """A launch file with these arguments, whose actions `build` makes of their values.

    What `build` refuses (names.ArgumentError) ends the launch before anything has been started.
    """
    return LaunchDescription(
        [*map(_declared, names), OpaqueFunction(function=lambda context: list(build(Arguments(context))))]
    )


def share(*parts: str, package: str = "luna_bringup") -> str:
    """A file of an installed package."""
    return str(Path(get_package_share_directory(package), *parts))


def included(name: str, values: dict[str, str], package: str = "luna_bringup") -> GroupAction:
    """Another launch file, with these arguments, which end with it: else files that come later would see them."""
    source = PythonLaunchDescriptionSource(share("launch", name, package=package))
    return GroupAction([IncludeLaunchDescription(source, launch_arguments=list(values.items()))], scoped=True)


def log_arguments(arguments: Arguments) -> list[str]:
    return ["--ros-args", "--log-level", arguments["log_level"]]


def _declared(name: str) -> DeclareLaunchArgument:
    argument = ARGUMENTS[name]
    default: Any = argument.default
    if default is not None and default.startswith("$"):
        default = EnvironmentVariable(default[1:], default_value="")
    choices = list(argument.choices) or None
    return DeclareLaunchArgument(name, default_value=default, description=argument.description, choices=choices)
