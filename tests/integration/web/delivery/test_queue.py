"""Who gets what from the queue, and when: nearness, charge, opening hours, several robots at once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from luna_web.robot.ports import FreeRobot, Outcome, Phase, Pose
from luna_web.shared.library_settings import library_rules
from luna_web.shared.principal import Role
from tests.integration.web.delivery.test_races import at_once
from tests.integration.web.delivery.world import Json, Library
from tests.integration.world import data, refused

NIGHT = {"opening_hours": {"week": {}}}
DAY: Json = {"opening_hours": {"week": None}}


def free(library: Library, robot_id: UUID, x: float, battery: float = 0.9) -> FreeRobot:
    """A robot beside the places of the library, which stand a metre apart from x = 0 on."""
    return FreeRobot(robot_id, str(robot_id), Pose(x, 1.5, 0.0), battery, False, Pose(5.0, 1.5, 0.0))


def claim(library: Library, robot: FreeRobot, *others: FreeRobot) -> str | None:
    with library.transaction() as session:
        wanted = library.desk.claim_next(session, robot, others)
    return str(wanted.task_id) if wanted else None


@pytest.fixture
def change(library: Library) -> Any:
    admin = library.people.make(Role.ADMIN).api
    return lambda settings: data(admin.put("/auth/settings", settings))


def test_the_nearer_robot_comes_and_the_other_waits_for_it(library: Library) -> None:
    task = library.approved(library.book())["task_id"]
    near, far = free(library, library.luna1.id, 0.5), free(library, library.robot().id, 9.0)
    assert claim(library, far, near) is None
    assert claim(library, near, far) == task


def test_a_robot_that_does_not_come_for_it_loses_it(library: Library) -> None:
    task = library.approved(library.book())["task_id"]
    near, far = free(library, library.luna1.id, 0.5), free(library, library.robot().id, 9.0)
    assert claim(library, far, near) is None
    library.clock.advance(timedelta(seconds=2))
    assert claim(library, far, near) is None
    library.clock.advance(timedelta(seconds=2))
    assert claim(library, far, near) == task
    assert claim(library, near, far) is None


def test_a_robot_that_has_a_task_is_nobodys_rival(library: Library) -> None:
    busy, idle = free(library, library.luna1.id, 0.5), free(library, library.robot().id, 9.0)
    first = library.approved(library.book())["task_id"]
    assert claim(library, busy, idle) == first
    second = library.approved(library.book())["task_id"]
    assert claim(library, idle, busy) == second
    assert claim(library, busy, idle) is None


def test_charge_is_for_the_whole_trip_and_the_way_home(library: Library, change: Any) -> None:
    library.approved(library.book())
    change({"robot_travel": {"endurance": 600}})
    assert claim(library, free(library, library.luna1.id, 0.5, battery=0.3)) is None
    assert claim(library, free(library, library.luna1.id, 0.5, battery=0.95)) is not None


def test_as_many_robots_as_ask_at_once_get_one_each(library: Library) -> None:
    tasks = {library.approved(library.book())["task_id"] for _ in range(3)}
    robots = [free(library, library.robot().id, float(x)) for x in range(4)]
    got = at_once([lambda one=one: claim(library, one, *(r for r in robots if r is not one)) for one in robots])  # type: ignore[misc]
    left = [claim(library, one, *(r for r in robots if r is not one)) for one in robots]
    assert {task for task in (*got, *left) if task} == tasks


def test_at_night_requests_are_taken_and_no_robot_sets_off_to_a_reader(library: Library, change: Any) -> None:
    change(NIGHT)
    request = library.approved(library.book())
    assert request["delivery"]["status"] == "QUEUED"
    assert library.luna1.claim() is None
    library.execute("UPDATE robots SET mode = 'DOCKED', status = 'IDLE'")
    keys = library.sent("inter-staff", item_description="Keys")
    queue = {task["task_id"]: task for task in data(library.librarian.api.get("/robot/tasks"))}
    asleep, awake = queue[request["task_id"]], queue[keys["id"]]
    assert (asleep["waits_for_opening"], asleep["expected_robot"]) == (True, None)
    assert (awake["waits_for_opening"], awake["expected_robot"]["robot_name"]) == (False, library.luna1.name)
    change(DAY)
    wanted = library.luna1.claim()
    assert wanted is not None and str(wanted.task_id) == request["task_id"]


def test_at_night_staff_may_send_each_other_things_and_what_is_under_way_ends(library: Library, change: Any) -> None:
    request = library.at_reader(library.book())
    change(NIGHT)
    library.luna1.ends(Outcome.SUCCEEDED)
    assert library.request_now(request)["status"] == "COMPLETED"
    task = library.sent("inter-staff", item_description="Keys")
    wanted = library.luna1.claim()
    assert wanted is not None and str(wanted.task_id) == task["id"]


def test_limits_and_time_outs_are_those_of_the_settings(library: Library, change: Any) -> None:
    change({"limits": {"open_requests": 1, "loan_days": 7}, "delivery_times": {"load": 90, "collect": 45}})
    library.at_reader(library.book())
    answer = library.reader.api.post("/requests", {"book_id": library.book().id, "request_location": "STUDY-1"})
    assert refused(answer, 409, "LIMIT_REACHED")["limit"] == 1
    wanted = library.luna1.delivery
    assert wanted is not None and [stop.timeout for stop in wanted.stops] == [90.0, 45.0]
    library.luna1.ends(Outcome.SUCCEEDED)
    (loan,) = library.loans()
    assert loan["due_at"][:10] == (library.clock.now() + timedelta(days=7)).date().isoformat()
    library_rules(library.runtime).forget()


def test_the_timeline_names_robots_to_all_and_staff_to_staff(library: Library) -> None:
    request = library.at_reader(library.book())
    path = f"/requests/{request['id']}/activity"
    mine = data(library.reader.api.get(path, params={"limit": 100}))
    theirs = data(library.librarian.api.get(path, params={"limit": 100}))
    assert [row["to_status"] for row in mine] == [row["to_status"] for row in theirs]
    approved = [rows[[row["to_status"] for row in rows].index("APPROVED")] for rows in (mine, theirs)]
    assert [(row["by"], row["actor_id"], bool(row["actor_name"])) for row in approved] == [
        ("STAFF", None, False),
        ("STAFF", str(library.librarian.id), True),
    ]
    assert (mine[0]["by"], bool(mine[0]["actor_name"])) == ("READER", True)
    library.reader.api.put(f"/requests/{request['id']}/complete", {})
    library.luna1.ends(Outcome.SUCCEEDED)
    received = data(library.reader.api.get(path, params={"limit": 1, "order": "desc"}))[0]
    assert (received["to_status"], received["by"]) == ("COMPLETED", "READER"), "on whose word the robot left"
    driven = next(row for row in mine if row["phase"] == Phase.AWAITING_UNLOAD)
    assert (driven["by"], driven["robot_name"], driven["task_id"]) == ("ROBOT", library.luna1.name, request["task_id"])
