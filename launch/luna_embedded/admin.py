"""`luna admin`: runs `luna_web.manage` with the environment of the running LUNA."""

from __future__ import annotations

import getpass
import subprocess
import sys
from collections.abc import Sequence

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import manage_variables

DEADLINE_S = 60


def password(from_stdin: bool) -> str:
    """A password: from standard input, or asked for twice at a terminal. Raises Refusal."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise Refusal(
            "There is no terminal to ask for the password at.",
            "Give it on standard input, with --password-stdin.",
            Exit.USAGE,
        )
    first, second = getpass.getpass("Password: "), getpass.getpass("Again: ")
    if first != second:
        raise Refusal("The two passwords differ.", "", Exit.USAGE)
    return first


def manage(run: Run, words: Sequence[str], stdin: str) -> int:
    """Run one of its commands; what it prints goes where ours does. Returns its exit code."""
    done = subprocess.run(
        [run.web_python, "-m", "luna_web.manage", *words],
        input=stdin,
        env=manage_variables(run),
        cwd=run.checkout.root,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return done.returncode
