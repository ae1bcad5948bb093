"""Where everything lies: the checkout, the environments made under `.luna/`, the state directory of a run.

Only the standard library: the bootstrap uses this before there is any environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """A clone of the repository and what is made inside it."""

    root: Path

    @property
    def made(self) -> Path:
        """The folder of everything made, ignored by git."""
        return self.root / ".luna"

    @property
    def web_env(self) -> Path:
        return self.made / "env-web"

    @property
    def ros_env(self) -> Path:
        return self.made / "env-ros"

    @property
    def ros_install(self) -> Path:
        """colcon's install folder: one folder per interface package."""
        return self.made / "ros"

    @property
    def ros_build(self) -> Path:
        return self.made / "ros-build"

    @property
    def typescript(self) -> Path:
        """The TypeScript client; its tools are installed beside it, where Node looks for them."""
        return self.root / "clients/typescript"

    @property
    def install_log(self) -> Path:
        return self.made / "install.log"

    @property
    def default_state(self) -> Path:
        return self.made / "state"

    @property
    def import_roots(self) -> tuple[Path, ...]:
        """What PYTHONPATH needs to find LUNA's own packages."""
        onboard = ("ros_ws/src/luna_robot", "ros_ws/src/luna_executor")
        return tuple(self.root / part for part in ("launch", "launch/luna_bringup", "web_api", "sim", *onboard))

    @property
    def interface_sources(self) -> tuple[Path, ...]:
        return (self.root / "ros_ws/src/luna_interfaces", self.root / "sim/interfaces")


def this_checkout() -> Checkout:
    """The checkout that this file belongs to."""
    return Checkout(Path(__file__).resolve().parents[2])


def python_of(env: Path) -> Path:
    """The interpreter of a virtual environment."""
    return env / "bin" / "python"


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that it is whole or not there at all, never open to others even for a moment."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
