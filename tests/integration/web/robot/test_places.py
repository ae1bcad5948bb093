"""Waypoints as librarians make, move and remove them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from luna_web.robot.seed import load_floor, lost_desks
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from tests.integration.web.robot.conftest import FLOOR, add_robot
from tests.integration.web.robot.ros_side import Proxy, RobotDouble
from tests.integration.world import Api, Json, data, refused

WALL, OUTSIDE, FREE = (0.1, 5.0), (41.0, 5.0), (18.7, 9.6)


def place(x: float = FREE[0], y: float = FREE[1], **changes: Any) -> Json:
    wish: Json = {"location_code": "STUDY-E", "name": "Alcove", "kind": "STUDY", "x_coordinate": x, "y_coordinate": y}
    return wish | changes


@pytest.fixture(autouse=True)
def luna1(session_factory: SessionFactory, settings: Settings) -> UUID:
    return add_robot(session_factory, settings, "ws://127.0.0.1:9/luna1", "t" * 43)


def version(api: Api) -> int:
    return int(data(api.get("/robot/map"))["waypoints_version"])


def found(api: Api, code: str) -> Json:
    return next(one for one in data(api.get("/robot/waypoints?limit=100")) if one["location_code"] == code)


class TestMaking:
    def test_it_is_there_for_readers_and_raises_the_version_that_robots_follow(
        self, librarian: Api, student: Api
    ) -> None:
        before = version(librarian)
        made = librarian.post("/robot/waypoints", place(metadata={"seats": 2}, yaw=1.5))
        shown = data(made, 201)
        assert data(student.get(made.headers["Location"].removeprefix("/api/v1"))) == shown
        assert (shown["metadata"], shown["yaw"], shown["is_active"]) == ({"seats": 2}, 1.5, True)
        assert version(librarian) == before + 1

    @pytest.mark.parametrize(("point", "problem"), [(WALL, "no free floor for 0.22 m"), (OUTSIDE, "outside")])
    def test_on_a_wall_or_outside_it_is_refused_with_the_nearest_free_point(
        self, librarian: Api, point: tuple[float, float], problem: str
    ) -> None:
        told = refused(librarian.post("/robot/waypoints", place(*point)), 422, "VALIDATION_ERROR")
        assert problem in told["fields"]["x_coordinate"][0]
        nearest = told["nearest_free"]
        assert abs(nearest["x_coordinate"] - point[0]) < 1.5 and abs(nearest["y_coordinate"] - point[1]) < 1.0
        data(librarian.post("/robot/waypoints", place() | nearest), 201)

    def test_the_widest_robot_must_fit(self, librarian: Api, admin: Api, luna1: UUID) -> None:
        near_wall = place(0.475, 5.625)
        data(librarian.post("/robot/waypoints", near_wall), 201)
        data(admin.put(f"/robot/robots/{luna1}", {"limits": {"radius": 0.6}}))
        other = near_wall | {"location_code": "STUDY-F", "name": "Niche"}
        refused(librarian.post("/robot/waypoints", other), 422, "VALIDATION_ERROR")

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"location_code": "desk-1"}, {"field": "location_code", "suggestion": "desk-3"}),
            ({"name": "service DESK"}, {"field": "name", "suggestion": "service DESK 2"}),
        ],
    )
    def test_codes_and_names_are_taken_once(self, librarian: Api, changes: Json, told: Json) -> None:
        assert refused(librarian.post("/robot/waypoints", place(**changes)), 409, "CONFLICT") == told

    @pytest.mark.parametrize(
        "changes",
        [
            {"kind": "ATTIC"},
            {"location_code": "a place"},
            {"yaw": 7},
            {"x_coordinate": 1e9},
            {"metadata": {"note": "a\x00b"}},
            {"metadata": {"note": "x" * 5000}},
            {"colour": "red"},
        ],
    )
    def test_what_is_wrong_is_named(self, librarian: Api, changes: Json) -> None:
        told = refused(librarian.post("/robot/waypoints", place(**changes)), 422, "VALIDATION_ERROR")
        assert list(told["fields"]) == [next(iter(changes))]

    def test_all_places_of_the_library_are_on_free_floor(self, librarian: Api) -> None:
        for one in data(librarian.get("/robot/waypoints?limit=100")):
            path, x = f"/robot/waypoints/{one['id']}", one["x_coordinate"]
            if one["location_code"] != "DOCK-1":
                data(librarian.put(path, {"x_coordinate": x + 0.001}))
                data(librarian.put(path, {"x_coordinate": x}))


class TestChanging:
    def test_with_the_version_that_was_seen(self, librarian: Api) -> None:
        path = f"/robot/waypoints/{found(librarian, 'STUDY-1')['id']}"
        tag = librarian.get(path).headers["ETag"]
        data(librarian.put(path, {"name": "Window table"}, headers={"If-Match": tag}))
        refused(librarian.put(path, {"name": "Door table"}, headers={"If-Match": tag}), 412, "PRECONDITION_FAILED")

    def test_what_robots_need_not_know_is_not_sent_to_them(self, librarian: Api) -> None:
        path, before = f"/robot/waypoints/{found(librarian, 'STUDY-1')['id']}", version(librarian)
        data(librarian.put(path, {"metadata": {"seats": 4}}))
        data(librarian.put(path, {"kind": "STUDY"}))
        assert version(librarian) == before

    def test_a_home_stays_where_it_is(self, librarian: Api) -> None:
        path = f"/robot/waypoints/{found(librarian, 'DOCK-1')['id']}"
        for wish in ({"x_coordinate": 1.0}, {"is_active": False}, {"kind": "OTHER"}):
            told = refused(librarian.put(path, wish), 409, "WAYPOINT_IN_USE")
            assert told == {"tasks": [], "robots": ["luna1"], "settings": []}
        refused(librarian.delete(path), 409, "WAYPOINT_IN_USE")
        data(librarian.put(path, {"name": "The first dock"}))

    def test_it_leaves_a_trail(self, librarian: Api, session_factory: SessionFactory) -> None:
        path = f"/robot/waypoints/{found(librarian, 'STUDY-1')['id']}"
        data(librarian.put(path, {"name": "Window table"}))
        data(librarian.delete(path))
        with transaction(session_factory) as session:
            rows = session.execute(text("SELECT action FROM audit_logs WHERE resource_type = 'waypoint' ORDER BY at"))
            assert list(rows.scalars()) == ["waypoint.update", "waypoint.delete"]

    def test_a_deleted_place_is_gone_and_its_code_free(self, librarian: Api) -> None:
        study = found(librarian, "STUDY-1")
        data(librarian.delete(f"/robot/waypoints/{study['id']}"))
        refused(librarian.get(f"/robot/waypoints/{study['id']}"), 404, "NOT_FOUND")
        data(librarian.post("/robot/waypoints", place(location_code="STUDY-1", name=study["name"])), 201)

    def test_what_librarians_made_outlives_a_new_floor(
        self, librarian: Api, session_factory: SessionFactory, tmp_path: Any
    ) -> None:
        from shutil import copytree

        data(librarian.post("/robot/waypoints", place()), 201)
        changed = tmp_path / "floor"
        copytree(FLOOR, changed)
        file = changed / "waypoints.yaml"
        file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "DESK-2," not in line))
        with transaction(session_factory) as session:
            assert load_floor(session, changed)
            desks = {"lending": "desk-2", "returns": "RETURN-1", "third": "DOCK-1", "fourth": "DESK-9"}
            assert lost_desks(session, desks) == ["lending", "third", "fourth"]
        assert (found(librarian, "STUDY-E")["is_active"], found(librarian, "DESK-2")["is_active"]) == (True, False)


class TestMap:
    def test_it_is_cached_until_it_changes(self, librarian: Api, student: Api) -> None:
        first = student.get("/robot/map")
        again = {"If-None-Match": first.headers["ETag"]}
        assert student.get("/robot/map", headers=again).status_code == 304
        data(librarian.post("/robot/waypoints", place()), 201)
        assert student.get("/robot/map", headers=again).status_code == 200


class TestRobots:
    def test_get_the_new_list(
        self, robot: RobotDouble, proxy: Proxy, admin: Api, luna1: UUID, lead: Callable[[], Api]
    ) -> None:
        data(admin.put(f"/robot/robots/{luna1}", {"bridge_url": proxy.url, "token": proxy.token}))
        api = lead()
        robot.wait_for("waypoints", version=1)
        data(admin.post("/robot/waypoints", place()), 201)
        assert robot.wait_for("waypoints", version=2)["count"] == len(data(api.get("/robot/waypoints?limit=100")))


