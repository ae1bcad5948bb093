"""The web tier, all five services in one process, and the worker."""

from __future__ import annotations

from luna_embedded.parts import migrate, valkey
from luna_embedded.parts.probes import http_status
from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import web_variables
from luna_embedded.supervision.lifecycle import Rules
from luna_embedded.supervision.part import Part

NAME = "web"
WORKER = "worker"


def part(run: Run) -> Part:
    port = run.options.port
    # Nothing stands in front of it: an X-Forwarded-For would be the caller's own invention.
    listen = ["--host", "127.0.0.1", "--port", str(port), "--no-proxy-headers"]
    listen += ["--timeout-graceful-shutdown", "3", "--no-access-log"]
    # Compressing each client's frames costs more than it saves; the live channel has pings and limits of its own.
    listen += ["--ws", "luna_web.shared.websocket:WebSocketProtocol", "--ws-per-message-deflate", "false"]
    listen += ["--ws-ping-interval", "0", "--ws-max-size", "65536"]
    return Part(
        name=NAME,
        command=(run.web_python, "-m", "uvicorn", "luna_web.main:app", *listen),
        environment=web_variables(run),
        rules=Rules(needs=_needs(run), start_deadline=60.0),
        probe=lambda: http_status(port, "/health/ready") == 200,
        folder=run.checkout.root,
    )


def worker(run: Run) -> Part:
    return Part(
        name=WORKER,
        command=(run.web_python, "-m", "luna_web.worker"),
        environment=web_variables(run),
        rules=Rules(needs=_needs(run), start_deadline=60.0),
        folder=run.checkout.root,
    )


def _needs(run: Run) -> frozenset[str]:
    return frozenset({migrate.NAME, valkey.NAME} if run.servers.own_valkey else {migrate.NAME})
