"""JSON bodies, read strictly: a key that comes twice, NaN, and nesting beyond reason are no JSON (RFC 8259, 4 and 9).

Parsers disagree about which of two equal keys counts, so that what one part checked need not be what another does.
"""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

DEEPEST = 32
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def parse(body: bytes) -> Any:
    """The value of a body. Raises json.JSONDecodeError, which FastAPI turns into our 400."""
    _check_depth(body)
    try:
        return json.loads(body.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("it is not UTF-8", "", 0) from error
    except ValueError as error:
        # Numbers of thousands of digits, among others.
        raise error if isinstance(error, json.JSONDecodeError) else json.JSONDecodeError(str(error), "", 0) from error


def _check_depth(body: bytes) -> None:
    depth = 0
    for found in _STRUCTURE.finditer(body):
        mark = found.group()[:1]
        depth += (mark in b"[{") - (mark in b"]}")
        if depth > DEEPEST:
            raise json.JSONDecodeError(f"it is nested more than {DEEPEST} deep", "", found.start())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise json.JSONDecodeError(f"the key {name[:100]!a} comes twice", "", 0)
        made[name] = value
    return made


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no JSON value", "", 0)


class StrictRequest(Request):
    async def json(self) -> Any:
        return parse(await self.body())


class StrictRoute(APIRoute):
    """A route whose body is read by `parse`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly
