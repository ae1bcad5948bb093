"""One contract for rclpy's single-threaded executor and ours: to a node they are the same."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from luna_interfaces.action import NavigateToWaypoint
from rclpy.action import ActionClient, ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import Int32
from std_srvs.srv import Trigger

from luna_executor import LeanExecutor
from tests.domains import Domain

HELD = Domain()


class Rig:
    """Two nodes of one context on one executor, and a way to wait."""

    def __init__(self, kind: type[Executor]) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=HELD.number)
        self.executor = kind(context=self.context)
        self.here, self.there = (Node(name, context=self.context) for name in ("here", "there"))
        for node in (self.here, self.there):
            self.executor.add_node(node)

    def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "did not come true"
            self.executor.spin_once(timeout_sec=0.05)

    def result(self, future: Future) -> Any:
        self.executor.spin_until_future_complete(future, timeout_sec=10.0)
        return future.result()

    def close(self) -> None:
        self.executor.shutdown()
        for node in (self.here, self.there):
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture(params=[SingleThreadedExecutor, LeanExecutor])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    rig = Rig(request.param)
    yield rig
    rig.close()


def test_messages_come_in_order_and_timers_come_again_and_again(rig: Rig) -> None:
    heard: list[int] = []
    ticks: list[float] = []
    rig.here.create_subscription(Int32, "numbers", lambda message: heard.append(message.data), 100)
    publisher = rig.there.create_publisher(Int32, "numbers", 100)
    rig.here.create_timer(0.02, lambda: ticks.append(time.monotonic()))
    rig.until(lambda: publisher.get_subscription_count() == 1)
    for number in range(50):
        publisher.publish(Int32(data=number))
    rig.until(lambda: len(heard) == 50 and len(ticks) >= 5)
    assert heard == list(range(50))


def test_a_service_may_await_what_another_thread_does(rig: Rig) -> None:
    async def on_call(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        done = Future()
        threading.Thread(target=lambda: rig.executor.create_task(done.set_result, "later")).start()
        response.message = await done
        return response

    rig.there.create_service(Trigger, "work", on_call)
    client = rig.here.create_client(Trigger, "work")
    rig.until(client.service_is_ready)
    assert [rig.result(client.call_async(Trigger.Request())).message for _ in range(3)] == ["later"] * 3


def test_a_service_that_waits_in_a_group_of_its_own_holds_nothing_up(rig: Rig) -> None:
    """In the node's default group no timer and no further call of the node would run before it has answered."""
    go_on = Future()
    ticks: list[int] = []

    async def on_call(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.message = await go_on
        return response

    rig.there.create_service(Trigger, "work", on_call, callback_group=ReentrantCallbackGroup())
    rig.there.create_timer(0.02, lambda: ticks.append(1))
    client = rig.here.create_client(Trigger, "work")
    rig.until(client.service_is_ready)
    calls = [client.call_async(Trigger.Request()) for _ in range(3)]
    rig.until(lambda: len(ticks) >= 5)
    assert not any(call.done() for call in calls)
    go_on.set_result("later")
    assert [rig.result(call).message for call in calls] == ["later"] * 3


def test_an_action_from_goal_to_result_and_to_cancel(rig: Rig) -> None:
    go_on = Future()

    async def on_goal(handle: ServerGoalHandle) -> NavigateToWaypoint.Result:
        handle.publish_feedback(NavigateToWaypoint.Feedback())
        if handle.request.waypoint == "far":
            await go_on
            handle.canceled()
        else:
            handle.succeed()
        return NavigateToWaypoint.Result(message=handle.request.waypoint)

    def on_cancel(_: Any) -> CancelResponse:
        go_on.set_result(None)
        return CancelResponse.ACCEPT

    told: list[Any] = []
    server = ActionServer(rig.there, NavigateToWaypoint, "drive", on_goal, cancel_callback=on_cancel)
    client = ActionClient(rig.here, NavigateToWaypoint, "drive")
    rig.until(client.server_is_ready)
    near = rig.result(client.send_goal_async(NavigateToWaypoint.Goal(waypoint="near"), feedback_callback=told.append))
    assert rig.result(near.get_result_async()).result.message == "near"
    far = rig.result(client.send_goal_async(NavigateToWaypoint.Goal(waypoint="far"), feedback_callback=told.append))
    ended = far.get_result_async()
    rig.result(far.cancel_goal_async())
    assert rig.result(ended).result.message == "far"
    rig.until(lambda: len(told) == 2)
    server.destroy()


def test_what_is_made_later_is_heard_and_what_is_destroyed_is_gone(rig: Rig) -> None:
    heard: list[int] = []
    publisher = rig.there.create_publisher(Int32, "numbers", 10)
    spinning = threading.Event()

    def from_another_thread() -> None:
        spinning.wait(5)
        rig.here.create_subscription(Int32, "numbers", lambda message: heard.append(message.data), 10)

    thread = threading.Thread(target=from_another_thread)
    thread.start()
    rig.here.create_timer(0.05, spinning.set)
    rig.until(lambda: publisher.get_subscription_count() == 1)
    thread.join()
    publisher.publish(Int32(data=1))
    rig.until(lambda: heard == [1])
    subscription = next(s for s in rig.here.subscriptions if s.topic_name.endswith("numbers"))
    rig.here.destroy_subscription(subscription)
    rig.until(lambda: publisher.get_subscription_count() == 0)


def test_a_callback_may_destroy_what_is_ready_too(rig: Rig) -> None:
    ran: list[str] = []
    timers: list[Any] = []

    def run(name: str, other: int) -> None:
        ran.append(name)
        rig.here.destroy_timer(timers[other])

    timers += [rig.here.create_timer(0.01, lambda: run("one", 1)), rig.here.create_timer(0.01, lambda: run("two", 0))]
    time.sleep(0.05)  # both are due at the same look
    rig.until(lambda: ran)
    for _ in range(5):
        rig.executor.spin_once(timeout_sec=0.02)
    assert len(set(ran)) == 1


def test_a_busy_group_waits_and_another_does_not(rig: Rig) -> None:
    go_on = Future()
    ran: list[str] = []

    async def hold() -> None:
        holding.cancel()
        ran.append("held")
        await go_on
        ran.append("let go")

    busy, free = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
    holding = rig.here.create_timer(0.01, hold, callback_group=busy)
    rig.until(lambda: ran == ["held"])
    rig.here.create_timer(0.01, lambda: ran.append("same"), callback_group=busy)
    rig.here.create_timer(0.01, lambda: ran.append("other"), callback_group=free)
    rig.until(lambda: ran.count("other") >= 5)
    assert "same" not in ran
    go_on.set_result(None)
    rig.until(lambda: "same" in ran)
    assert ran.index("let go") < ran.index("same")


def test_a_guard_condition_runs_once_for_each_trigger(rig: Rig) -> None:
    ran: list[int] = []
    guard = rig.here.create_guard_condition(lambda: ran.append(1))
    for count in (1, 2, 3):
        guard.trigger()
        rig.until(lambda count=count: len(ran) == count)  # type: ignore[misc]
    for _ in range(3):
        rig.executor.spin_once(timeout_sec=0.01)
    assert len(ran) == 3


def test_tasks_wait_for_each_other_though_nothing_else_happens(rig: Rig) -> None:
    first = Future()

    async def wait() -> str:
        return f"after {await first}"

    async def end() -> None:
        first.set_result("first")

    waiting = rig.executor.create_task(wait)
    rig.executor.create_task(end)
    assert rig.result(waiting) == "after first"


def test_errors_of_callbacks_and_of_tasks_end_the_spinning(rig: Rig) -> None:
    def fail() -> None:
        timer.cancel()
        raise LookupError("of a callback")

    async def fail_later() -> None:
        raise LookupError("of a task")

    timer = rig.here.create_timer(0.01, fail)
    with pytest.raises(LookupError, match="of a callback"):
        rig.until(lambda: False)
    rig.executor.create_task(fail_later)
    with pytest.raises(LookupError, match="of a task"):
        rig.until(lambda: False)


def test_waits_have_an_end_and_so_has_the_context(rig: Rig) -> None:
    began = time.monotonic()
    rig.executor.spin_once(timeout_sec=0.0)
    rig.executor.spin_until_future_complete(Future(), timeout_sec=0.2)
    assert 0.2 <= time.monotonic() - began < 5.0
    threading.Timer(0.1, rig.context.try_shutdown).start()
    with pytest.raises(ExternalShutdownException):
        rig.executor.spin_once(timeout_sec=10.0)


def test_shutdown_ends_a_wait_in_another_thread(rig: Rig) -> None:
    thread = threading.Thread(target=rig.executor.spin_once, kwargs={"timeout_sec": 10.0})
    thread.start()
    time.sleep(0.1)
    rig.executor.shutdown(timeout_sec=0.0)
    thread.join(5)
    assert not thread.is_alive()
