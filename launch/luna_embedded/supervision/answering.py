"""The supervisor's end of its control socket; `control` is the other."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from luna_embedded.supervision.control import ANSWER_DEADLINE_S

Handler = Callable[[str, str], dict[str, Any]]


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
