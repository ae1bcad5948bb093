"""What breaks comes back by itself, with nothing lost and nothing done twice."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from cryptography.fernet import Fernet
from pydantic import SecretStr

from luna_web.robot.ports import Handover, Outcome, Phase, RecoveryAction
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory
from tests.integration.servers import Postgres
from tests.integration.web.robot.conftest import add_robot
from tests.integration.web.robot.desk import DeskInMemory
from tests.integration.web.robot.ros_side import Bridge, RobotDouble, until
from tests.integration.web.robot.test_controller import online, status, waits
from tests.integration.world import Api, data

RESUME, CARGO_REMOVED = 1, 3
AWAITING_UNLOAD, FAILED = 5, 3
"""As the robot's messages number resolutions, phases and outcomes."""


@contextmanager
def database_away(server: Postgres) -> Iterator[None]:
    """No connection of the application lives or can be made."""
    with server.admin() as connection:
        connection.execute("ALTER ROLE luna_app NOLOGIN")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'luna_app'")
        try:
            yield
        finally:
            connection.execute("ALTER ROLE luna_app LOGIN")


def test_rosbridge_killed_in_mid_delivery(
    robot: RobotDouble, bridge: Bridge, desk: DeskInMemory, luna1: UUID, led: Api
) -> None:
    online(led)
    task = desk.put()
    handover_seq = waits(desk, task, Phase.AWAITING_LOAD)
    bridge.kill()
    desk.confirm(luna1, Handover.LOAD, handover_seq)
    bridge.start()

    desk.confirm(luna1, Handover.UNLOAD, waits(desk, task, Phase.AWAITING_UNLOAD))
    until(lambda: desk.outcome(task) is Outcome.SUCCEEDED, "the delivery is done")
    assert len(robot.events("started")) == 1
    assert len(robot.events("confirm", taken=True)) == 2


def test_a_frozen_link_is_dropped_and_what_was_asked_meanwhile_is_done_once(
    robot: RobotDouble, bridge: Bridge, desk: DeskInMemory, luna1: UUID, led: Api
) -> None:
    online(led)
    task = desk.put()
    handover_seq = waits(desk, task, Phase.AWAITING_LOAD)
    bridge.signal(signal.SIGSTOP)
    until(lambda: not status(led)["online"], "the silence shows")
    desk.confirm(luna1, Handover.LOAD, handover_seq)
    bridge.signal(signal.SIGCONT)

    waits(desk, task, Phase.AWAITING_UNLOAD)
    assert len(robot.events("confirm", taken=True)) == 1


def test_a_silent_robot_is_offline_and_told_lost_and_found(
    robot: RobotDouble, desk: DeskInMemory, luna1: UUID, steady: None, led: Api
) -> None:
    online(led)
    before = len(desk.silent)
    robot.order(silent=True)
    until(lambda: len(desk.silent) > before, "the robot is lost")
    heard = len(desk.heard)
    until(lambda: len(desk.silent) > before + 1, "it is told again while it stays so")
    assert set(desk.silent) == {luna1}
    assert len(desk.heard) == heard, "what it said last, which every new connection gets, is no sign of life"
    shown = status(led)
    assert (shown["online"], shown["mode"], shown["status"]) == (False, "OFFLINE", "ERROR")

    robot.order(silent=False)
    online(led)
    until(lambda: len(desk.heard) > heard, "the robot is found")


def test_a_robot_that_lost_its_disk_is_never_sent_the_task_again(
    robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
) -> None:
    online(led)
    task = desk.put()
    waits(desk, task, Phase.AWAITING_LOAD)
    sent = robot.events("goal")
    robot.order(lose_journal=True)

    until(lambda: task.task_id in desk.orphaned, "the lost journal is told")
    assert robot.events("goal") == sent


def test_a_person_has_a_robot_go_on_that_waits_for_one(
    robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
) -> None:
    online(led)
    task = desk.put()
    desk.confirm(luna1, Handover.LOAD, waits(desk, task, Phase.AWAITING_LOAD))
    waits(desk, task, Phase.AWAITING_UNLOAD)
    robot.order(await_recovery=True)
    waits(desk, task, Phase.AWAITING_RECOVERY)
    waiting = next(seen for seen in reversed(desk.seen) if seen.phase is Phase.AWAITING_RECOVERY)
    desk.recover(luna1, RecoveryAction.RESUME, waiting.changed_at)

    until(lambda: desk.phases(task)[-1] is Phase.AWAITING_UNLOAD, "the robot has gone on")
    assert {event["resolution"] for event in robot.events("resolve")} == {RESUME}
    assert len(robot.events("phase", phase=AWAITING_UNLOAD)) == 2, "however often it was told to, it went on once"


def test_what_a_person_settled_while_the_robot_was_silent_it_is_told_when_it_speaks(
    robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
) -> None:
    online(led)
    task = desk.put()
    waits(desk, task, Phase.AWAITING_LOAD)
    robot.order(silent=True)
    until(lambda: desk.silent, "the robot is lost")
    desk.settle(luna1, task)
    following = desk.put()
    robot.order(silent=False)

    until(lambda: desk.to_settle[luna1] == [], "the robot has taken it")
    waits(desk, following, Phase.AWAITING_LOAD)
    assert {event["resolution"] for event in robot.events("resolve")} == {CARGO_REMOVED}
    assert [done["outcome"] for done in robot.events("done", delivery_id=str(task.task_id))] == [FAILED]
    assert robot.events("cancel") == []


def test_a_robot_that_never_heard_of_a_settled_delivery_is_free_at_once(
    robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
) -> None:
    online(led)
    task = desk.put()
    waits(desk, task, Phase.AWAITING_LOAD)
    robot.order(lose_journal=True)
    until(lambda: task.task_id in desk.orphaned, "the lost journal is told")
    desk.settle(luna1, task)

    until(lambda: desk.to_settle[luna1] == [], "there is nothing to settle")
    waits(desk, desk.put(), Phase.AWAITING_LOAD)


def test_a_process_that_dies_leaves_the_delivery_to_the_next(
    robot: RobotDouble, desk: DeskInMemory, luna1: UUID, lead: Callable[[], Api]
) -> None:
    first = lead()
    online(first)
    task = desk.put()
    handover_seq = waits(desk, task, Phase.AWAITING_LOAD)
    first.http.exit_stack.close()
    second = lead()
    online(second)

    desk.confirm(luna1, Handover.LOAD, handover_seq)
    waits(desk, task, Phase.AWAITING_UNLOAD)
    assert len(robot.events("started")) == 1


def test_the_database_away_and_back(
    robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api, postgres_server: Postgres
) -> None:
    online(led)
    task = desk.put()
    handover_seq = waits(desk, task, Phase.AWAITING_LOAD)
    with database_away(postgres_server):
        beats = len(robot.events("heartbeat"))
        until(lambda: led.get("/robot/status").status_code == 503, "the outage shows")
        # Without a lease that can be trusted, nobody leads: the robot must not count on confirmations.
        until(lambda: robot.told and beats_stopped(robot), "the heartbeat stops")
        assert len(robot.events("heartbeat")) >= beats

    desk.confirm(luna1, Handover.LOAD, handover_seq)
    desk.confirm(luna1, Handover.UNLOAD, waits(desk, task, Phase.AWAITING_UNLOAD))
    until(lambda: desk.outcome(task) is Outcome.SUCCEEDED, "the delivery is done")
    assert len(robot.events("started")) == 1


def beats_stopped(robot: RobotDouble) -> bool:
    return time.time() - robot.events("heartbeat")[-1]["at"] > 2.5


def test_without_redis_robots_are_seen_and_stopped(
    robot: RobotDouble, luna1: UUID, led: Api, patient: None
) -> None:
    online(led)
    pool = led.http.app.state.luna.redis.connection_pool  # type: ignore[attr-defined]
    pool.connection_kwargs["path"] = "/nowhere"
    pool.disconnect()

    assert status(led)["online"]
    assert data(led.post("/robot/emergency-stop"))["robots"][0]["confirmed"]


def test_a_robot_whose_token_cannot_be_read_takes_no_other_away(
    robot: RobotDouble, luna1: UUID, lead: Callable[[], Api], session_factory: SessionFactory, settings: Settings
) -> None:
    other = settings.model_copy(update={"encryption_key": SecretStr(Fernet.generate_key().decode())})
    add_robot(session_factory, other, "ws://127.0.0.1:1/luna2", "a token sealed elsewhere", name="luna2")

    led = lead()
    online(led)
    assert {row["robot_name"] for row in data(led.get("/robot/robots"))} == {"luna1", "luna2"}
