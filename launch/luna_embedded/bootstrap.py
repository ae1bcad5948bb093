"""First stage of `./luna`, run by the system's Python: makes what the command needs. Standard library only.

Usage: python -m luna_embedded.bootstrap ROOT [the words of the command]
"""

from __future__ import annotations

import contextlib
import fcntl
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.install.commands import Runner
from luna_embedded.install.environments import interfaces_fit, ros_environment, web_environment
from luna_embedded.install.machine import (
    BUILD_TOOLS,
    INSTALL_NEEDS_BYTES,
    SDFORMAT,
    VENV,
    free_bytes,
    provide,
    require_disk,
    require_platform,
)
from luna_embedded.install.maker import Maker
from luna_embedded.install.node import client_fits
from luna_embedded.install.progress import Progress
from luna_embedded.layout import Checkout

NEEDS_ROS = frozenset({"up", "test", "sim"})


@dataclass(frozen=True)
class Need:
    """What a command needs of the environments. The web environment is always needed: it runs the command."""

    ros: bool
    tests: bool


def needs(words: Sequence[str]) -> Need:
    """What the command made of ``words`` needs; asking for help needs little."""
    helping = "--help" in words or "-h" in words
    command = next((word for word in words if not word.startswith("-")), "")
    return Need(ros=command in NEEDS_ROS and not helping, tests=command == "test" and not helping)


def is_met(checkout: Checkout, need: Need) -> bool:
    """Whether everything needed is there and fits."""
    web = web_environment(checkout).fits(tests=need.tests) and (not need.tests or client_fits(checkout))
    return web and (not need.ros or (ros_environment(checkout).fits(tests=need.tests) and interfaces_fit(checkout)))


@contextlib.contextmanager
def one_at_a_time(checkout: Checkout, progress: Progress) -> Iterator[None]:
    """Only one `./luna` makes environments; another one waits."""
    with (checkout.made / "install.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.set("luna", "another ./luna is installing; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
            progress.set("luna", "")
        yield


def install(checkout: Checkout, need: Need) -> None:
    """Make what is needed. Raises Refusal if this machine or a program does not let us."""
    require_platform()
    checkout.made.mkdir(exist_ok=True)
    with Progress() as progress, one_at_a_time(checkout, progress):
        if is_met(checkout, need):
            return
        require_disk(checkout.made, INSTALL_NEEDS_BYTES, free_bytes)
        provide((VENV, *BUILD_TOOLS) if need.ros else (VENV,), checkout.install_log, progress.say)
        progress.say(
            f"Making LUNA's environments in {checkout.made} (once; details in {checkout.install_log.name} there) …"
        )
        with ThreadPoolExecutor(1) as beside:
            if need.tests:
                beside.submit(_provide_for_tests, checkout, progress)
            Maker(checkout, Runner(checkout.install_log), progress).make(ros=need.ros, tests=need.tests)
        progress.say("The environments are ready.")


def _provide_for_tests(checkout: Checkout, progress: Progress) -> None:
    try:
        provide((SDFORMAT,), checkout.install_log, progress.say)
    except Refusal as refusal:
        progress.say(f"{refusal.what} Tests that need it are skipped.")


def main(arguments: Sequence[str]) -> int:
    """Make what the command needs; returns an exit code."""
    checkout, need = Checkout(Path(arguments[0])), needs(arguments[1:])
    if is_met(checkout, need):
        return Exit.OK
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        install(checkout, need)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    except OSError as error:
        print(f"Installing failed: {error}\nRun the command again once that is mended.", file=sys.stderr)
        return Exit.FAILED
    except KeyboardInterrupt:
        print("\nInterrupted; the next ./luna begins anew where it must.", file=sys.stderr)
        return Exit.INTERRUPTED
    return Exit.OK


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
