"""Which bridges may be connected to, and which namespaces are ROS's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.robot.addresses import wrong_with_bridge, wrong_with_namespace

ALLOWED = ("127.0.0.1", "robots.library.example", "gate.example:9443", "[::1]")


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:9090/luna1",
        "wss://robots.library.example",
        "wss://ROBOTS.library.example/a/b-c_d.e~f",
        "wss://robots.library.example.:443/",
        "wss://gate.example:9443/luna1",
        "ws://[::1]:9090/luna1",
    ],
)
def test_what_is_listed_is_taken(url: str) -> None:
    assert wrong_with_bridge(url, ALLOWED) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/luna1",
        "ws://169.254.169.254/latest",
        "ws://127.0.0.1@evil.example/luna1",
        "ws://127.0.0.1:9090@evil.example",
        "ws://evil.example/127.0.0.1",
        "ws://evil.example#127.0.0.1",
        "ws://evil.example?127.0.0.1",
        "ws://127.0.0.1.evil.example/",
        "ws://2130706433/",
        "ws://0x7f000001/",
        "ws://127.1/",
        "ws://[::ffff:127.0.0.1]/",
        "ws://127.0.0.1/../up",
        "ws://127.0.0.1/%2e%2e",
        "ws://127.0.0.1:99999/",
        "ws://127.0.0.1:0/",
        "wss://gate.example/luna1",
        "wss://gate.example:9444/luna1",
        "ws://127.0.0.1/a b",
        "ws://127.0.0.1/\r\nHost: evil",
        "ws:///luna1",
        "",
    ],
)
def test_everything_else_is_not(url: str) -> None:
    assert wrong_with_bridge(url, ALLOWED)


@given(st.text(max_size=80))
def test_nothing_crashes_and_nothing_unlisted_passes(text: str) -> None:
    assert wrong_with_bridge(f"ws://{text}", ())
    wrong_with_namespace(text)


@pytest.mark.parametrize("namespace", ["/luna1", "/library/luna_1", "/A"])
def test_ros_namespaces(namespace: str) -> None:
    assert wrong_with_namespace(namespace) is None


@pytest.mark.parametrize("namespace", ["", "/", "luna1", "/luna1/", "//luna1", "/1luna", "/lu-na", "/a__b", "/ä"])
def test_no_ros_namespaces(namespace: str) -> None:
    assert wrong_with_namespace(namespace)
