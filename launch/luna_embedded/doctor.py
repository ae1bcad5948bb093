"""`luna doctor`: looks at everything that can be in the way, says what it found and how to mend it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.install.environments import interfaces_fit, ros_environment, web_environment
from luna_embedded.install.machine import (
    BUILD_TOOLS,
    INSTALL_NEEDS_BYTES,
    VENV,
    apt_line,
    free_bytes,
    missing,
    require_disk,
    require_platform,
)
from luna_embedded.layout import Checkout
from luna_embedded.parts.account import first_closed, postgres_account
from luna_embedded.parts.postgres_home import recorded_home
from luna_embedded.planning import Place
from luna_embedded.ports import holder_of, require_free
from luna_embedded.state import RUN_NEEDS_BYTES, Lock
from luna_embedded.supervision.control import ask


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``mend`` is empty if nothing is wrong."""

    subject: str
    found: str
    mend: str = ""


def examine(checkout: Checkout, where: Place, port: int, console: Console) -> int:
    """Print all findings; returns 0, or 5 if something is in the way."""
    findings = list(look(checkout, where, port))
    for finding in findings:
        mark = "[red]✗[/]" if finding.mend else "[green]✓[/]"
        console.print(f"{mark} {escape(finding.subject)}: {escape(finding.found)}", soft_wrap=True)
        if finding.mend:
            console.print(f"    mend: {escape(finding.mend)}", soft_wrap=True)
    return Exit.UNFIT if any(finding.mend for finding in findings) else Exit.OK


def look(checkout: Checkout, where: Place, port: int) -> Iterator[Finding]:
    """Everything that `up` depends on, in the order in which it needs it."""
    running = Lock(where.state).is_held()
    yield _asked("machine", require_platform, "Linux on x86-64 with a new enough glibc")
    yield _tools()
    yield _environments(checkout)
    whole = web_environment(checkout).fits(tests=False) and ros_environment(checkout).fits(tests=False)
    needed = RUN_NEEDS_BYTES if whole else INSTALL_NEEDS_BYTES
    yield _asked(
        "disk",
        lambda: require_disk(where.state.path, needed, free_bytes),
        f"{free_bytes(where.state.path) / 1e9:.1f} GB free",
    )
    yield _account(where)
    if not running:
        yield _asked("port", lambda: require_free(port, holder_of), f"{port} is free")
    yield _running(where) if running else Finding("run", f"LUNA is not running with {where.state.path}")


def _asked(subject: str, question: Callable[[], None], well: str) -> Finding:
    try:
        question()
    except Refusal as refusal:
        return Finding(subject, refusal.what, refusal.mend or "see above")
    return Finding(subject, well)


def _tools() -> Finding:
    lacking = missing((VENV, *BUILD_TOOLS))
    if not lacking:
        return Finding("tools", "compiler, cmake, make, Python's headers and venv are there")
    line = apt_line(lacking)
    does_it = os.geteuid() == 0 and shutil.which("apt-get")
    return Finding(
        "tools",
        "missing: " + ", ".join(tool.name for tool in lacking),
        "./luna up installs them" if does_it else f'sudo sh -c "{line}"',
    )


def _environments(checkout: Checkout) -> Finding:
    fits = {
        "web": web_environment(checkout).fits(tests=False),
        "ROS": ros_environment(checkout).fits(tests=False),
        "ROS interfaces": interfaces_fit(checkout),
    }
    stale = [name for name, fit in fits.items() if not fit]
    if stale:
        return Finding(
            "environments", "not made from today's lock files and sources: " + ", ".join(stale), "./luna up makes them"
        )
    return Finding("environments", f"whole, in {checkout.made}")


def _account(where: Place) -> Finding:
    try:
        account = postgres_account()
    except Refusal as refusal:
        return Finding("PostgreSQL's user", refusal.what, refusal.mend)
    home = recorded_home(where.state) or where.state.path
    name = account.name if account else "yours"
    closed = first_closed(account, home)
    if closed and (where.named or recorded_home(where.state)):
        return Finding(
            "PostgreSQL's user", f"{name} cannot pass through {closed}", f"chmod o+x {closed}, or another --state"
        )
    return Finding(
        "PostgreSQL's user",
        f"{name}, who can reach {home}" if not closed else f"{name}; its data will lie under /var/lib/luna",
    )


def _running(where: Place) -> Finding:
    try:
        snapshot = ask(where.state.control_socket, "status")
    except Refusal as refusal:
        return Finding(
            "run",
            f"its supervisor does not answer: {refusal.what}",
            "kill the process named in supervisor.lock, then ./luna up",
        )
    ill = [
        f"{row['name']} ({row['state']}: {row['why']})"
        for row in snapshot["parts"]
        if row["state"] in ("given up", "backing off")
    ]
    if ill:
        return Finding("run", "parts that do not run: " + "; ".join(ill), "./luna logs PART, then ./luna restart PART")
    return Finding("run", f"{snapshot['state']} at {snapshot['address']}")
