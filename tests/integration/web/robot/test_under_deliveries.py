"""Places and the queue, while there are deliveries."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from luna_web.robot import service
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.principal import Role
from tests.integration.web.delivery.world import Library
from tests.integration.web.robot.ros_side import until
from tests.integration.world import Api, Catalog, Json, People, data, refused


@pytest.fixture
def library(runtime: Any, people: People, catalog: Catalog) -> Library:
    return Library(runtime, people, catalog)


def found(api: Api, code: str) -> Json:
    return next(one for one in data(api.get("/robot/waypoints?limit=100")) if one["location_code"] == code)


class TestUnderTasks:
    def test_a_place_of_an_unfinished_task_stays(self, library: Library) -> None:
        task = str(library.task_now(library.setting_off(library.book()))["id"])
        staff = library.librarian.api
        for code in ("DESK-1", "STUDY-1"):
            path = f"/robot/waypoints/{found(staff, code)['id']}"
            assert refused(staff.put(path, {"y_coordinate": 2.0}), 409, "WAYPOINT_IN_USE")["tasks"] == [task]
            refused(staff.put(path, {"is_active": False}), 409, "WAYPOINT_IN_USE")
            refused(staff.delete(path), 409, "WAYPOINT_IN_USE")
        data(staff.delete(f"/robot/waypoints/{found(staff, 'STUDY-2')['id']}"))

    def test_who_names_a_place_and_who_puts_it_out_of_use_do_not_cross(
        self, library: Library, session_factory: SessionFactory
    ) -> None:
        study = found(library.librarian.api, "STUDY-1")
        answers: list[int] = []

        def delete() -> None:
            answers.append(library.librarian.api.delete(f"/robot/waypoints/{study['id']}").status_code)

        with transaction(session_factory) as session:
            service.resolve_waypoint(session, "STUDY-1")
            other = threading.Thread(target=delete)
            other.start()
            waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            until(lambda: _scalar(session_factory, waits), "the deletion waits for who named the place")
            assert answers == []
        other.join(timeout=10)
        assert answers == [200]


class TestDesksOfTheSettings:
    def test_a_desk_is_a_place_where_people_hand_over(self, library: Library, people: People) -> None:
        admin = people.make(Role.ADMIN).api
        before = data(admin.get("/auth/settings"))["desks"]
        told = {"NOWHERE": "must be a waypoint", "DOCK-1": "no dock", "desk-3": "nearest: DESK-"}
        for words, problem in told.items():
            answer = admin.put("/auth/settings", {"desks": {"returns": words}})
            assert problem in refused(answer, 422, "VALIDATION_ERROR")["fields"]["desks.returns"][0]
        assert data(admin.get("/auth/settings"))["desks"] == before

    def test_it_stays_to_be_found_while_the_settings_name_it(self, library: Library, people: People) -> None:
        staff, admin = library.librarian.api, people.make(Role.ADMIN).api
        path = f"/robot/waypoints/{found(staff, 'RETURN-1')['id']}"
        for change in ({"is_active": False}, {"location_code": "RETURN-9"}, {"kind": "DOCK"}):
            told = refused(staff.put(path, change), 409, "WAYPOINT_IN_USE")
            assert told == {"tasks": [], "robots": [], "settings": ["desks.returns"]}
        refused(staff.delete(path), 409, "WAYPOINT_IN_USE")
        data(staff.put(path, {"name": "Where books come back"}))
        data(admin.put("/auth/settings", {"desks": {"returns": "desk-2"}}))
        data(staff.delete(path))
        refused(staff.delete(f"/robot/waypoints/{found(staff, 'DESK-2')['id']}"), 409, "WAYPOINT_IN_USE")


def _scalar(sessions: SessionFactory, query: Any) -> int:
    with transaction(sessions) as session:
        return int(session.execute(query).scalar_one())


class TestQueue:
    def test_is_in_the_order_in_which_robots_take_it(self, library: Library, people: People) -> None:
        tasks = [library.approved(library.book(title=f"Book {number}"))["task_id"] for number in range(3)]
        made_urgent = (
            "UPDATE delivery_tasks SET priority = 'URGENT', priority_rank = 3,"
            " queue_key = queue_key - interval '1 h' WHERE id = :id"
        )
        with library.transaction() as session:
            session.execute(text(made_urgent), {"id": tasks[2]})
        staff = library.librarian.api
        queue = data(staff.get("/robot/tasks"))
        assert [item["task_id"] for item in queue] == [tasks[2], tasks[0], tasks[1]]
        assert [item["position"] for item in queue] == [1, 2, 3]
        assert queue[0]["expected_robot"] is None  # the only robot was never heard
        with library.transaction() as session:
            session.execute(text("UPDATE robots SET mode = 'DOCKED', status = 'IDLE'"))
        expected = {item["expected_robot"]["robot_name"] for item in data(staff.get("/robot/tasks"))}
        assert expected == {library.luna1.name}

        claimed = library.luna1.claim()
        assert claimed is not None and str(claimed.task_id) == tasks[2]
        assert [item["task_id"] for item in data(staff.get("/robot/tasks?limit=1&page=2"))] == [tasks[1]]
        refused(staff.get("/robot/tasks?sort=priority"), 422, "VALIDATION_ERROR")
        refused(people.make(Role.STUDENT).api.get("/robot/tasks"), 403, "FORBIDDEN")
