"""What passes through a robot's rosbridge."""

from typing import Any

import pytest

from luna_bringup import allow_list
from luna_bringup.allow_list import AllowList
from luna_bringup.rosbridge import guard
from luna_embedded import bridge_config

ALLOWED = AllowList.of("/luna1")


def test_the_names_are_those_of_the_embedded_run() -> None:
    assert allow_list.PUBLISHED_BY_ROBOT == bridge_config.PUBLISHED_BY_ROBOT
    assert allow_list.PUBLISHED_BY_WEB == bridge_config.PUBLISHED_BY_WEB
    assert allow_list.SERVICES == bridge_config.SERVICES
    assert (bridge_config.ACTION,) == allow_list.ACTIONS


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ({"op": "subscribe", "topic": "/luna1/status"}, True),
        ({"op": "publish", "topic": "/luna1/controller_heartbeat"}, True),
        ({"op": "call_service", "service": "/luna1/set_emergency_stop"}, True),
        ({"op": "send_action_goal", "action": "/luna1/execute_delivery"}, True),
        ({"op": "cancel_action_goal", "action": "/luna1/execute_delivery"}, True),
        ({"op": "fragment", "data": "{"}, True),
        ({"op": "publish", "topic": "/luna1/status"}, False),
        ({"op": "publish", "topic": "/luna1/cmd_vel"}, False),
        ({"op": "advertise", "topic": "/luna1/estop"}, False),
        ({"op": "subscribe", "topic": "/luna1/scan"}, False),
        ({"op": "subscribe", "topic": "/luna2/status"}, False),
        ({"op": "subscribe", "topic": "/luna1/*"}, False),
        ({"op": "subscribe", "topic": ["/luna1/status"]}, False),
        ({"op": "call_service", "service": "/luna1/waypoint_navigator/set_parameters"}, False),
        ({"op": "call_service", "service": "/rosapi/nodes"}, False),
        ({"op": "send_action_goal", "action": "/luna1/navigate_to_pose"}, False),
        ({"op": "advertise_service", "service": "/luna1/set_emergency_stop"}, False),
        ({"op": "advertise_action", "action": "/luna1/execute_delivery"}, False),
        ({"op": "what_comes_next"}, False),
        ({}, False),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_only_names_of_this_robot_pass_and_only_the_right_way(message: dict[str, object], passes: bool) -> None:
    assert ALLOWED.admits(message) is passes


def test_no_list_for_rosbridge_is_empty_since_an_empty_one_admits_everything() -> None:
    globs = ALLOWED.globs()
    assert all(text.startswith("['/") for text in globs.values())
    assert not any("*" in text for text in globs.values())
    assert "/luna1/cmd_vel" not in str(globs)


def test_the_guard_stands_before_whatever_rosbridge_registers() -> None:
    class Protocol:
        """Does as rosbridge_library's: capabilities register an operation each."""

        def __init__(self) -> None:
            self.operations: dict[str, Any] = {}
            self.told: list[tuple[str, str, object]] = []

        def register_operation(self, opcode: str, handler: Any) -> None:
            self.operations[opcode] = handler

        def log(self, level: str, text: str, lid: object = None) -> None:
            self.told.append((level, text, lid))

    guard(Protocol, ALLOWED)
    protocol = Protocol()
    handled: list[dict[str, Any]] = []
    protocol.register_operation("publish", handled.append)
    heartbeat = {"op": "publish", "topic": "/luna1/controller_heartbeat"}
    protocol.operations["publish"](heartbeat)
    protocol.operations["publish"]({"op": "subscribe", "topic": "/luna1/cmd_vel", "id": "7"})
    assert handled == [heartbeat]
    assert protocol.told == [("error", "publish: not a name of this robot that may be used", "7")]
