"""The system user that PostgreSQL runs as. It refuses to run as root, so root needs one without any rights."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.supervision.part import Account

OWN = "luna-postgres"
OTHERS = ("postgres", "nobody")


def postgres_account() -> Account | None:
    """Whom to run PostgreSQL as; None means as ourselves. Makes a system user where it can. Raises Refusal."""
    if os.geteuid() != 0:
        return None
    return _existing(OWN) or _made() or next(filter(None, map(_existing, OTHERS)), None) or _none()


def _existing(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid)


def _made() -> Account | None:
    useradd = shutil.which("useradd")
    if not useradd:
        return None
    command = [
        useradd,
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        OWN,
    ]
    subprocess.run(command, check=False, capture_output=True, timeout=30)
    return _existing(OWN)


def _none() -> Account:
    what = "PostgreSQL refuses to run as root, and there is no unprivileged user to run it as."
    raise Refusal(what, f"Make one: useradd --system {OWN}; or run LUNA as an ordinary user.", Exit.UNFIT)


def can(account: Account | None, test: str, path: Path) -> bool:
    """What test(1) answers the account, to "-x" for instance, about a path. Tried, not computed: any ACL counts."""
    command = ["/usr/bin/test", test, str(path)]
    if account is None:
        return subprocess.run(command, check=False).returncode == 0
    done = subprocess.run(command, check=False, user=account.uid, group=account.gid, extra_groups=[])
    return done.returncode == 0


def first_closed(account: Account | None, path: Path) -> Path | None:
    """The outermost folder on the way to ``path`` that the account cannot pass through; None if it can reach it."""
    ways = [folder for folder in [*reversed(path.parents), path] if folder.exists()]
    return next((folder for folder in ways if not can(account, "-x", folder)), None)
