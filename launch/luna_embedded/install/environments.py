"""What there is to be made: two Python environments and the ROS interfaces; and whether what is there still fits."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from luna_embedded.install import stamp
from luna_embedded.layout import Checkout, python_of

BASE, TESTS = "base", "tests"


@dataclass(frozen=True)
class Environment:
    """One virtual environment: where it is and the lock files it is made from.

    ``source_lock`` names the packages that are not offered as wheels; they are built with the setuptools of ``lock``.
    """

    name: str
    folder: Path
    lock: Path
    test_lock: Path
    source_lock: Path | None = None

    def key(self) -> str:
        """What it is made from: where it lies, which interpreter, which locks."""
        locks = [self.lock] + ([self.source_lock] if self.source_lock else [])
        return stamp.environment_key(self.folder, locks)

    def wanted(self, *, tests: bool) -> dict[str, str]:
        """The stamp that it must carry."""
        key = {BASE: self.key()}
        return key | {TESTS: stamp.digest(self.test_lock.read_bytes())} if tests else key

    def fits(self, *, tests: bool) -> bool:
        """Whether it is there, whole, and made from today's lock and interpreter."""
        found = stamp.read(self.folder)
        return self.wanted(tests=tests).items() <= found.items() and os.access(python_of(self.folder), os.X_OK)


def web_environment(checkout: Checkout) -> Environment:
    """Everything but ROS."""
    root = checkout.root
    return Environment("web", checkout.web_env, root / "web_api/requirements.txt", root / "tests/requirements.txt")


def ros_environment(checkout: Checkout) -> Environment:
    """ROS 2 from wheels, the simulator's and the robot's libraries."""
    root = checkout.root / "ros_ws"
    return Environment(
        "ros",
        checkout.ros_env,
        root / "requirements.txt",
        root / "requirements-test.txt",
        root / "requirements-source.txt",
    )


def interfaces_key(checkout: Checkout) -> str:
    """What the interfaces are built from."""
    return stamp.digest(stamp.digest_of_files(checkout.interface_sources), ros_environment(checkout).key())


def interfaces_fit(checkout: Checkout) -> bool:
    """Whether the interfaces are built from today's sources and environment."""
    return stamp.read(checkout.ros_install) == {BASE: interfaces_key(checkout)}
