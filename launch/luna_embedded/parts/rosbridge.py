"""rosbridge of one robot: on loopback, under a secret path, passing LUNA's names of that robot only."""

from __future__ import annotations

from luna_embedded.bridge_config import rosbridge_toml
from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.install.machine import shared_libpython
from luna_embedded.install.ros_variables import site_packages
from luna_embedded.layout import write_private
from luna_embedded.parts.probes import tcp_accepts
from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import ros_part_variables
from luna_embedded.supervision.lifecycle import Rules
from luna_embedded.supervision.part import Part


def name(robot: str) -> str:
    return f"rosbridge-{robot}"


def part(run: Run, robot: str) -> Part:
    """The server. The wheels' libraries expect a Python process, hence libpython is loaded first."""
    program = site_packages(run.checkout.ros_env) / "rosbridge_server_rs/rosbridge_server_rs_jazzy"
    settings = run.state.run / f"rosbridge-{robot}.toml"
    port = run.ports.rosbridges[robot]
    text = rosbridge_toml(f"/{robot}", f"127.0.0.1:{port}", run.credentials.bridge_paths[robot])
    return Part(
        name=name(robot),
        command=(str(program), "--config", str(settings)),
        environment={**ros_part_variables(run), "LD_PRELOAD": _libpython()},
        rules=Rules(start_deadline=30.0),
        probe=lambda: tcp_accepts(port),
        prepare=lambda: write_private(settings, text),
        folder=run.checkout.root,
    )


def _libpython() -> str:
    library = shared_libpython()
    if library is None:
        raise Refusal(
            "This Python has no shared libpython, which rosbridge needs.",
            "Use Debian's python3, or one built with --enable-shared.",
            Exit.UNFIT,
        )
    return str(library)
