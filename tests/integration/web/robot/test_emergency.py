"""Emergency stops over HTTP, down to the robot."""

from uuid import UUID

import httpx

from luna_web.robot.models import Robot
from luna_web.robot.ports import Phase
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.principal import Role
from tests.integration.servers import Postgres
from tests.integration.web.robot.desk import DeskInMemory
from tests.integration.web.robot.ros_side import Bridge, RobotDouble, until
from tests.integration.web.robot.test_controller import comes_true, online, status, waits
from tests.integration.web.robot.test_recovery import database_away
from tests.integration.world import Api, Json, People, data, refused


def row(sessions: SessionFactory, robot_id: UUID) -> Robot:
    with transaction(sessions) as session:
        return session.get_one(Robot, robot_id)


def stopped(led: Api, wish: Json | None, **told: object) -> httpx.Response:
    """The answer to a stop that tells this of the one robot there is.

    How far a stop comes in the two seconds that an answer takes at most is the machine's matter: where it is not as
    far, the same stop is asked for again, as a person would.
    """
    answers: list[httpx.Response] = []

    def as_told() -> bool:
        answers.append(led.post("/robot/emergency-stop", wish))
        (robot,) = answers[-1].json()["data"]["robots"]
        return told.items() <= robot.items()

    until(as_told, f"a stop is told as {told}")
    return answers[-1]


def test_a_stop_is_confirmed_by_the_robot_and_shown(
    robot: RobotDouble, luna1: UUID, led: Api, patient: None
) -> None:
    online(led)
    told = data(led.post("/robot/emergency-stop", {"reason": "A child runs in the aisle"}))

    assert [(r["robot_id"], r["confirmed"]) for r in told["robots"]] == [(str(luna1), True)]
    assert robot.events("estop", engage=True)[0]["estop_id"] == told["estop_id"]
    until(lambda: status(led)["estop"]["confirmed"], "the stop shows")
    shown = status(led)
    assert (shown["mode"], shown["status"]) == ("ESTOPPED", "ERROR")
    estop = shown["estop"]
    assert (estop["engaged"], estop["id"], estop["reason"]) == (True, told["estop_id"], "A child runs in the aisle")
    assert estop["by"].startswith("librarian")
    assert estop["since"]


def test_it_holds_until_that_very_stop_is_released_and_the_robot_resumed(
    robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api, patient: None
) -> None:
    online(led)
    stop_id = data(led.post(f"/robot/emergency-stop/{luna1}"))["estop_id"]
    until(lambda: status(led)["mode"] == "ESTOPPED", "the stop shows")
    wrong = led.post(f"/robot/emergency-stop/{luna1}/release", {"estop_id": "another"})
    assert refused(wrong, 409, "ROBOT_ESTOPPED") == {"estop_id": stop_id}
    refused(led.post(f"/robot/{luna1}/resume"), 409, "ROBOT_ESTOPPED")

    data(led.post(f"/robot/emergency-stop/{luna1}/release", {"estop_id": stop_id}))
    assert status(led)["mode"] == "SUSPENDED"
    task = desk.put()
    resumed = led.post(f"/robot/{luna1}/resume")
    comes_true(led, resumed, lambda shown: shown["mode"] != "SUSPENDED", "the robot is resumed")

    waits(desk, task, Phase.AWAITING_LOAD)
    assert robot.events("resume")[0]["at"] < robot.events("goal")[0]["at"]


def test_a_second_stop_is_the_same_stop(luna1: UUID, led: Api, patient: None) -> None:
    online(led)
    first = data(led.post("/robot/emergency-stop"))

    assert data(led.post("/robot/emergency-stop"))["estop_id"] == first["estop_id"]


def test_a_release_everywhere_names_the_stop_too(luna1: UUID, led: Api, patient: None) -> None:
    online(led)
    stop_id = data(led.post("/robot/emergency-stop"))["estop_id"]
    refused(led.post("/robot/emergency-stop/release", {"estop_id": "another"}), 404, "NOT_FOUND")

    told = data(led.post("/robot/emergency-stop/release", {"estop_id": stop_id}))
    assert [r["confirmed"] for r in told["robots"]] == [True]


def test_without_the_database_it_stops_and_the_row_follows(
    robot: RobotDouble, luna1: UUID, led: Api, postgres_server: Postgres, session_factory: SessionFactory
) -> None:
    online(led)
    with database_away(postgres_server):
        told = data(stopped(led, {"reason": "fire"}, confirmed=True, recorded=False))
        assert robot.events("estop", engage=True)

    until(lambda: row(session_factory, luna1).stop_id == told["estop_id"], "the row follows")
    assert row(session_factory, luna1).stop_state == "ENGAGE"


def test_a_robot_out_of_reach_is_named_and_stopped_when_it_is_back(
    robot: RobotDouble, bridge: Bridge, luna1: UUID, led: Api
) -> None:
    online(led)
    bridge.kill()
    told = data(stopped(led, None, robot_name="luna1", confirmed=False, recorded=True), 202)
    assert status(led)["estop"] | {"since": None, "by": None} == {
        "engaged": True, "id": told["estop_id"], "reason": None, "confirmed": False, "since": None, "by": None,
    }  # fmt: skip
    bridge.start()

    robot.wait_for("estop", engage=True, estop_id=told["estop_id"])


def test_a_stop_engaged_at_the_robot_itself_is_taken_over(
    robot: RobotDouble, luna1: UUID, led: Api, session_factory: SessionFactory, patient: None
) -> None:
    online(led)
    robot.order(set={"estopped": True, "suspended": True, "estop_id": "button", "estop_by": "operator"})
    until(lambda: row(session_factory, luna1).stop_id == "button", "the row takes it over")

    data(led.post(f"/robot/emergency-stop/{luna1}/release", {"estop_id": "button"}))
    assert robot.events("estop", engage=False, estop_id="button")


def test_only_staff_may_stop(luna1: UUID, led: Api) -> None:
    online(led)
    reader = People(led.http, led.http.app.state.luna).make(Role.STUDENT).api  # type: ignore[attr-defined]
    refused(reader.post("/robot/emergency-stop"), 403, "FORBIDDEN")
    refused(Api(led.http).post("/robot/emergency-stop"), 401, "UNAUTHENTICATED")
