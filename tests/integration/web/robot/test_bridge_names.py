"""What passes rosbridge and its proxy: LUNA's names of one robot, for whoever holds its token; nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import httpx
import pytest

from luna_web.robot import transport
from luna_web.robot.transport import CallFailed, Connection, LinkDown, bridge_loop
from tests.integration.web.robot.ros_side import DEADLINE_S, Bridge, Proxy, RobotDouble, end, ros_in, until

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
DELIVERY = "luna_interfaces/action/ExecuteDelivery"


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RobotDouble]:
    """One for the whole page: nothing here changes it."""
    double = RobotDouble(ros_in(tmp_path_factory.mktemp("ros")), "luna1")
    yield double
    end(double.process)


@pytest.fixture(scope="module")
def bridge(robot: RobotDouble) -> Iterator[Bridge]:
    bridge = Bridge(robot.ros, robot.name)
    bridge.start()
    yield bridge
    bridge.kill()


@pytest.fixture(scope="module")
def proxy(bridge: Bridge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with Proxy(tmp_path_factory.mktemp("proxy"), bridge).running() as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link is opened, and holds, however long the machine lets the other side wait."""
    monkeypatch.setattr(transport, "HANDSHAKE_SECONDS", DEADLINE_S)
    monkeypatch.setattr(transport, "PING_SECONDS", DEADLINE_S)


def handshake(url: str, **headers: str) -> int:
    """The status that a WebSocket handshake is answered with."""
    with httpx.stream("GET", url.replace("ws://", "http://"), headers=UPGRADE | headers, timeout=DEADLINE_S) as answer:
        return answer.status_code


def on_link(proxy: Proxy, work: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        connection = Connection(proxy.url, proxy.token)
        try:
            await connection.opened
            return await work(connection)
        finally:
            connection.abandon()

    coroutine: Coroutine[Any, Any, Any] = run()
    return asyncio.run_coroutine_threadsafe(coroutine, bridge_loop()).result(2 * DEADLINE_S)


class TestWhoMayEnter:
    def test_the_token_opens(self, proxy: Proxy) -> None:
        assert handshake(proxy.url, Authorization=f"Bearer {proxy.token}") == 101

    @pytest.mark.parametrize("credentials", [None, "", "Bearer", "Bearer wrong", "Basic {token}", "Bearer {token}x"])
    def test_anything_else_does_not(self, proxy: Proxy, credentials: str | None) -> None:
        headers = {} if credentials is None else {"Authorization": credentials.format(token=proxy.token)}
        assert handshake(proxy.url, **headers) == 401

    def test_case_counts(self, proxy: Proxy) -> None:
        assert handshake(proxy.url, Authorization=f"Bearer {proxy.token.swapcase()}") == 401

    def test_a_browser_is_refused_even_with_the_token(self, proxy: Proxy) -> None:
        assert handshake(proxy.url, Authorization=f"Bearer {proxy.token}", Origin="http://127.0.0.1") == 403

    def test_other_paths_lead_nowhere(self, proxy: Proxy) -> None:
        for path in ("", "/luna1/x", "/luna2"):
            url = f"ws://127.0.0.1:{proxy.port}{path}"
            assert handshake(url, Authorization=f"Bearer {proxy.token}") in (400, 404)

    def test_the_inner_port_without_the_secret_path_gives_nothing(self, bridge: Bridge) -> None:
        for path in ("/", "/luna1", bridge.url_path[:-1], bridge.url_path + "/"):
            assert handshake(f"ws://127.0.0.1:{bridge.port}{path}") == 404

    def test_a_link_with_a_wrong_token_never_opens(self, proxy: Proxy) -> None:
        stranger = Proxy(proxy.folder, proxy.bridge, proxy.port, token="w" * 43)
        with pytest.raises(LinkDown):
            on_link(stranger, lambda connection: asyncio.sleep(0))


class TestWhatPasses:
    def test_the_robot_is_heard(self, proxy: Proxy) -> None:
        async def hear(connection: Connection) -> Any:
            heard = asyncio.get_running_loop().create_future()
            connection.subscribe(
                "/luna1/status", "luna_interfaces/msg/RobotStatus", lambda m: heard.done() or heard.set_result(m)
            )
            async with asyncio.timeout(DEADLINE_S):
                return await heard

        assert on_link(proxy, hear)["robot_name"] == "luna1"

    def test_velocities_do_not_pass(self, robot: RobotDouble, proxy: Proxy) -> None:
        twist = {"header": {"frame_id": ""}, "twist": {"linear": {"x": 0.3}}}

        async def drive(connection: Connection) -> None:
            for _ in range(5):
                connection.publish("/luna1/cmd_vel", "geometry_msgs/msg/TwistStamped", twist)
                connection.publish(
                    "/luna1/controller_heartbeat", "luna_interfaces/msg/ControllerHeartbeat", {"epoch": 1}
                )
                await asyncio.sleep(0.1)

        until(lambda: on_link(proxy, drive) or robot.events("heartbeat"), "what may pass passes")
        assert not robot.events("cmd_vel")

    def test_navigation_goals_do_not_pass(self, robot: RobotDouble, proxy: Proxy) -> None:
        async def navigate(connection: Connection) -> Any:
            answered = asyncio.get_running_loop().create_future()
            connection.send_goal("/luna1/navigate_to_pose", DELIVERY, {"delivery_id": "x"}, answered.set_result)
            async with asyncio.timeout(DEADLINE_S):
                return await answered

        assert "services_glob denies" in on_link(proxy, navigate)
        assert not robot.events("foreign_goal")

    @pytest.mark.parametrize(
        "service",
        [
            "/luna1/shut_down_navigation",
            "/luna1/navigate_to_pose/_action/send_goal",
            "/luna2/set_emergency_stop",
            "/rosapi/topics",
            "/luna1/robot_double/set_parameters",
        ],
    )
    def test_other_services_do_not_pass(self, robot: RobotDouble, proxy: Proxy, service: str) -> None:
        with pytest.raises(CallFailed, match="denies"):
            on_link(proxy, lambda connection: connection.call(service, {}, DEADLINE_S))
        assert not robot.events("forbidden_service")

    @pytest.mark.parametrize("topic", ["/luna1/cmd_vel", "/rosout", "/tf", "/luna2/status"])
    def test_other_topics_are_not_heard(self, proxy: Proxy, topic: str) -> None:
        async def hear(connection: Connection) -> list[Any]:
            heard: list[Any] = []
            connection.subscribe(topic, "std_msgs/msg/String", heard.append)
            await asyncio.sleep(0.5)
            return heard

        assert on_link(proxy, hear) == []
