"""The text of a message's definition with all that it is made of, as MCAP's schema encoding `ros2msg` wants it.

Source: https://mcap.dev/spec/registry#ros2msg
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_PRIMITIVE = re.compile(r"(bool|byte|char|w?string|u?int(8|16|32|64)|float(32|64))")
_TYPE = re.compile(r"\s*(?P<name>[A-Za-z][\w/]*)")
_RULE = "=" * 80


class UnknownMessage(LookupError):
    """A message whose definition is nowhere in AMENT_PREFIX_PATH."""


def full_definition(name: str) -> str:
    """Of a message such as `nav_msgs/msg/Path`: its own definition, then each one that it uses, once.

    Raises:
        UnknownMessage: one of them is not found.
    """
    package, last = _split(name, "")
    text = _text(package, last)
    whole, known, waiting = [text], {(package, last)}, list(_used(text, package))
    while waiting:
        package, last = waiting.pop(0)
        if (package, last) in known:
            continue
        known.add((package, last))
        text = _text(package, last)
        whole.append(f"{_RULE}\nMSG: {package}/{last}\n{text}")
        waiting += _used(text, package)
    return "\n".join(whole)


def _used(text: str, package: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        match = _TYPE.match(line.partition("#")[0])
        if match and not _PRIMITIVE.fullmatch(match["name"]):
            yield _split(match["name"], package)


def _split(name: str, package: str) -> tuple[str, str]:
    parts = name.split("/")
    return (parts[0], parts[-1]) if len(parts) > 1 else (package, name)


def _text(package: str, last: str) -> str:
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
        file = Path(prefix or "/nowhere") / "share" / package / "msg" / f"{last}.msg"
        if file.is_file():
            return file.read_text(encoding="utf-8").strip()
    raise UnknownMessage(f"the definition of {package}/msg/{last} is not found in AMENT_PREFIX_PATH")
