"""The control socket of a running supervisor: one request a connection, a line of JSON each way."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from luna_embedded.exit_codes import Exit, Refusal

Handler = Callable[[str, str], dict[str, Any]]
ANSWER_DEADLINE_S = 5.0
LONGEST_ANSWER = 1_000_000


async def serve(path: Path, handle: Handler) -> asyncio.Server:
    """Listen for this user only. ``handle(verb, part)`` returns the answer; its ValueError becomes an "error"."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), ANSWER_DEADLINE_S)
            writer.write(json.dumps(_handled(line, handle)).encode() + b"\n")
            await asyncio.wait_for(writer.drain(), ANSWER_DEADLINE_S)
        except (TimeoutError, ConnectionError):
            pass  # the asker has gone
        finally:
            writer.close()

    path.unlink(missing_ok=True)
    before = os.umask(0o177)  # closed to others from its first moment on
    try:
        return await asyncio.start_unix_server(answer, str(path))
    finally:
        os.umask(before)


def _handled(line: bytes, handle: Handler) -> dict[str, Any]:
    try:
        request = json.loads(line)
        return handle(str(request["verb"]), str(request.get("part", "")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"error": str(error)}


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
