"""The ROS wheels' CMake files carry paths of the machine that built them; these are put right after installing."""

from __future__ import annotations

import re
from pathlib import Path

_BUILD_HEADERS = re.compile(r"/opt/python/cp\d+-cp\d+/include/python3\.\d+")
_BUILD_NUMPY = re.compile(r"/opt/python/cp\d+-cp\d+/lib/python3\.\d+/site-packages/numpy/_core/include")


def mended(text: str, headers: Path, numpy_headers: Path) -> str:
    """A CMake file's text with this machine's header folders."""
    text = _BUILD_NUMPY.sub(lambda _: str(numpy_headers), text)
    return _BUILD_HEADERS.sub(lambda _: str(headers), text)


def mend(share: Path, headers: Path, numpy_headers: Path) -> int:
    """Put every CMake file under ``share`` right; returns how many needed it."""
    changed = 0
    for file in share.rglob("*.cmake"):
        text = file.read_text()
        if "/opt/python/" not in text:
            continue
        file.write_text(mended(text, headers, numpy_headers))
        changed += 1
    return changed
