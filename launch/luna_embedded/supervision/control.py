"""Asking a running supervisor on its control socket: one request a connection, a line of JSON each way."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from luna_embedded.exit_codes import Exit, Refusal

ANSWER_DEADLINE_S = 5.0
LONGEST_ANSWER = 1_000_000


def ask(path: Path, verb: str, part: str = "") -> dict[str, Any]:
    """Ask a running supervisor. Raises Refusal if none answers or it refuses."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_DEADLINE_S)
            connection.connect(str(path))
            connection.sendall(json.dumps({"verb": verb, "part": part}).encode() + b"\n")
            with connection.makefile("rb") as file:
                line = file.readline(LONGEST_ANSWER)
    except (FileNotFoundError, ConnectionError, TimeoutError) as error:
        raise Refusal(
            "LUNA is not running with this state directory.", "Start it with ./luna up.", Exit.NOT_RUNNING
        ) from error
    if not line:
        raise Refusal("LUNA is just stopping.", "", Exit.NOT_RUNNING)
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise Refusal(str(answer["error"]), "", Exit.USAGE)
    return answer
