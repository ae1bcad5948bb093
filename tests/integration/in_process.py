"""A client of an app in this process.

Starlette's own `TestClient` goes to the event loop and back seven times a request, which is most of what a call costs.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI


class Transport(httpx.BaseTransport):
    """Has the app answer on the event loop behind the portal. Errors become the answers that they have there."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._app = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.1", 50000))
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()  # what comes in pieces comes at once: the event loop must not wait for them
        return self._portal.call(self._answer, request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        body = b"".join([part async for part in answer.stream])
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body))


class AppClient(httpx.Client):
    """`exit_stack` ends the app's lifespan, as its server's end would; once closed, closing it again does nothing."""

    def __init__(self, app: FastAPI, portal: BlockingPortal, exit_stack: ExitStack) -> None:
        super().__init__(transport=Transport(app, portal), base_url="http://luna.test", follow_redirects=True)
        self.app = app
        self.exit_stack = exit_stack


@contextmanager
def make_client(app: FastAPI, *, lifespan: bool = False) -> Iterator[AppClient]:
    """A client of the app, on one event loop for all calls, as under a server; with its lifespan if wanted."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        client = stack.enter_context(AppClient(app, portal, stack))
        if lifespan:
            stack.enter_context(portal.wrap_async_context_manager(app.router.lifespan_context(app)))
        yield client
