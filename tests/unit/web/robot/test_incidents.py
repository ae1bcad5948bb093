"""What is new about a robot, and what of it is logged."""

from dataclasses import asdict

from pydantic_core import to_jsonable_python

from luna_web.robot.incidents import Incident, Known, LogKind, kinds_of, news_of
from luna_web.robot.seen import RobotMode, SeenFault, SeenRobot, Severity
from tests.unit.web.robot.examples import robot

BUMP = SeenFault("BUMP", Severity.CRITICAL, "something was hit", 1.0)
LINK = SeenFault("LINK_DOWN", Severity.URGENT, "no heartbeat", 2.0)


def known(seen: SeenRobot, mode: RobotMode | None = None) -> Known:
    return Known.of(mode or seen.mode, to_jsonable_python(asdict(seen)))


def incidents(before: Known, now: SeenRobot) -> list[Incident]:
    return [one.incident for one in news_of(before, now)]


def test_the_same_again_is_no_news() -> None:
    assert incidents(known(robot(faults=(BUMP,))), robot(faults=(BUMP,))) == []
    assert kinds_of(known(robot()), robot()) == ()


def test_the_first_word_of_a_robot_brings_it_online() -> None:
    assert incidents(Known.of("OFFLINE", None), robot()) == [Incident.ONLINE]
    assert kinds_of(Known.of("OFFLINE", None), robot()) == (LogKind.LINK, LogKind.MODE)


def test_a_robot_that_was_silent_comes_back_as_it_is() -> None:
    assert incidents(known(robot(), RobotMode.OFFLINE), robot()) == [Incident.ONLINE]


def test_each_fault_that_comes_and_each_that_goes_is_told_by_itself() -> None:
    news = news_of(known(robot(faults=(BUMP,))), robot(faults=(LINK,)))
    assert [(one.incident, one.details["fault"]["code"]) for one in news] == [
        (Incident.FAULT_RAISED, "LINK_DOWN"),
        (Incident.FAULT_CLEARED, "BUMP"),
    ]
    assert kinds_of(known(robot(faults=(BUMP,))), robot(faults=(LINK,))) == (LogKind.FAULT,)


def test_a_stop_that_is_gone_was_released() -> None:
    held = robot(estopped=True, estop_id="stop-1", mode=RobotMode.ESTOPPED)
    freed = robot(suspended=True, estop_id="stop-1", mode=RobotMode.SUSPENDED)
    news = news_of(known(held), freed)
    assert [one.incident for one in news] == [Incident.CHANGED, Incident.ESTOP_RELEASED]
    assert news[1].details == {"estop_id": "stop-1"}
    assert kinds_of(known(held), freed) == (LogKind.MODE, LogKind.ESTOP)
