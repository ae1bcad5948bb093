"""rosbridge_suite's WebSocket server behind LUNA's allow-list: `ros2 run luna_bringup rosbridge --robot /luna1`.

Its own lists know actions in some versions only, take an empty list for no list, and always admit `rosapi`. Every
message passes the one place where rosbridge's capabilities register what they do, hence that is where it is looked at.
"""

from __future__ import annotations

import argparse
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from luna_bringup.allow_list import AllowList
from luna_bringup.names import absolute

Handler = Callable[[dict[str, Any]], None]


def guard(protocol: Any, allowed: AllowList) -> None:
    """Have a rosbridge Protocol class refuse what the list does not admit; the log of rosbridge tells."""
    register: Callable[[Any, str, Handler], None] = protocol.register_operation

    def register_guarded(self: Any, opcode: str, handler: Handler) -> None:
        def handle(message: dict[str, Any]) -> None:
            if allowed.admits({**message, "op": opcode}):
                handler(message)
            else:
                self.log("error", f"{opcode}: not a name of this robot that may be used", message.get("id"))

        register(self, opcode, handle)

    protocol.register_operation = register_guarded


def main() -> int:
    """Serves until SIGINT or SIGTERM. Arguments but `--robot` are rosbridge's and ROS's own."""
    from ament_index_python.packages import get_package_prefix
    from rosbridge_library.protocol import Protocol

    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--robot", default="", help="namespace of the robot whose names pass, such as /luna1")
    options, rest = parser.parse_known_args()
    guard(Protocol, AllowList.of(absolute(options.robot)))
    program = Path(get_package_prefix("rosbridge_server")) / "lib" / "rosbridge_server" / "rosbridge_websocket"
    # rclpy ends at SIGTERM and hands it on. rosbridge (2.1.0) ends at SIGINT alone: it would go on listening, deaf.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.argv = [str(program), *rest]
    runpy.run_path(str(program), run_name="__main__")
    return 0
