"""What may stand in logs."""

import asyncio
import logging
from collections.abc import Iterator

import httpx
import pytest
import structlog

from luna_web.shared.config import LogFormat
from luna_web.shared.logs import configure_logs


@pytest.fixture
def logs_as_in_production(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    root, ours = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    configure_logs(LogFormat.JSON)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**ours)


def test_no_address_that_is_called_is_told(logs_as_in_production: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever knows the address of a browser's push subscription may send to it."""

    async def call() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(201))) as client:
            await client.post("https://push.example/a-browsers-secret")

    asyncio.run(call())
    logging.getLogger("luna_web").warning("something else")

    said = capsys.readouterr().err
    assert "something else" in said and "a-browsers-secret" not in said
