"""`run`: programs of Python packages, by the module that has the program's name."""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import sys
from collections.abc import Sequence
from typing import NoReturn

from luna_ros_cli.errors import CommandError, near


def become_program(package: str, executable: str, arguments: Sequence[str]) -> NoReturn:
    """Go on as that program. Raises CommandError if there is none."""
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None or found.submodule_search_locations is None:
        raise CommandError(f"There is no package {package}.")
    known = [one.name for one in pkgutil.iter_modules(found.submodule_search_locations) if not one.ispkg]
    if executable not in known:
        raise CommandError(f"{package} has no program {executable}{near(executable, known)}.")
    command = [sys.executable, "-m", f"{package}.{executable}", *arguments]
    os.execv(command[0], command)  # noqa: S606 - what the person asked for, its arguments as they are
