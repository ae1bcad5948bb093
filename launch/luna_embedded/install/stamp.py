"""Stamps say what an environment was made from. No stamp, or another one: it is not good and is made anew.

A stamp is written last and taken away before anything is changed, so that an interrupted installation never counts.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from luna_embedded.layout import write_private

FILE = "luna-stamp.json"
# Raise when the way of making environments changes, so that those made before are made anew.
RECIPE = "1"


def digest(*parts: bytes | str) -> str:
    """One hash over all parts; where one ends and the next begins counts."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def digest_of_files(folders: Iterable[Path]) -> str:
    """One hash over names and contents of every file under ``folders`` but Markdown, which nothing is built from."""
    parts: list[bytes | str] = []
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md"):
            parts += [str(file.relative_to(folder.parent)), file.read_bytes()]
    return digest(*parts)


def environment_key(env: Path, locks: Iterable[Path]) -> str:
    """What an environment is made from: where it lies, which interpreter, which locks, which recipe."""
    return digest(RECIPE, str(env), sys.version, sys.base_prefix, *(lock.read_bytes() for lock in locks))


def read(folder: Path) -> dict[str, str]:
    """The stamp in ``folder``; empty if there is none that can be read."""
    try:
        found = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def write(folder: Path, stamp: dict[str, str]) -> None:
    """Declare ``folder`` good."""
    write_private(folder / FILE, json.dumps(stamp), mode=0o644)


def take_away(folder: Path) -> None:
    """Declare ``folder`` unfinished."""
    (folder / FILE).unlink(missing_ok=True)
