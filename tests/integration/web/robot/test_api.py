"""The robot service's reading routes, without a robot."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from luna_web.robot import service
from luna_web.robot.errors import LocationInactive, UnknownLocation
from luna_web.robot.models import Waypoint
from luna_web.robot.seed import Registration, RegistrationError, load_floor, register
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from tests.integration.web.robot.conftest import FLOOR, add_robot
from tests.integration.world import Api, data, refused

TOKEN = "t" * 43


@pytest.fixture
def parked(session_factory: SessionFactory, settings: Settings) -> UUID:
    """A robot on the library's floor that nobody has heard of yet."""
    return add_robot(session_factory, settings, "ws://127.0.0.1:9/luna1", TOKEN)


class TestStatus:
    def test_a_robot_that_was_never_heard_is_offline(self, parked: UUID, librarian: Api) -> None:
        shown = data(librarian.get("/robot/status"))
        assert (shown["id"], shown["robot_name"], shown["online"]) == (str(parked), "luna1", False)
        assert (shown["status"], shown["mode"], shown["pose"]) == ("ERROR", "OFFLINE", None)

    def test_it_is_found_by_id_in_either_way_and_in_the_list(self, parked: UUID, librarian: Api) -> None:
        by_path, by_query = librarian.get(f"/robot/status/{parked}"), librarian.get(f"/robot/status?robot_id={parked}")
        listed = data(librarian.get("/robot/robots"))[0]
        assert data(by_path) == data(by_query)
        assert listed == data(by_path) | {"registration": None}

    def test_no_robot_is_404(self, librarian: Api) -> None:
        refused(librarian.get("/robot/status"), 404, "NOT_FOUND")
        refused(librarian.get(f"/robot/status/{uuid4()}"), 404, "NOT_FOUND")

    def test_readers_see_only_the_robot_of_their_own_delivery(self, parked: UUID, student: Api) -> None:
        refused(student.get("/robot/status"), 403, "FORBIDDEN")
        refused(student.get("/robot/robots"), 403, "FORBIDDEN")
        refused(student.get(f"/robot/status/{parked}"), 404, "NOT_FOUND")

    def test_a_list_asks_the_same_number_of_questions_however_long(
        self, parked: UUID, librarian: Api, session_factory: SessionFactory, settings: Settings, queries: object
    ) -> None:
        with queries() as of_one:  # type: ignore[operator]
            data(librarian.get("/robot/robots"))
        for number in range(2, 6):
            add_robot(session_factory, settings, f"ws://127.0.0.1:9/luna{number}", TOKEN, f"luna{number}")
        with queries() as of_five:  # type: ignore[operator]
            assert len(data(librarian.get("/robot/robots"))) == 5
        assert len(of_five) == len(of_one)


class TestPlaces:
    def test_staff_see_all_and_readers_desks_and_study_places(self, parked: UUID, librarian: Api, student: Api) -> None:
        every = {place["kind"] for place in data(librarian.get("/robot/waypoints?limit=100"))}
        assert {"DESK", "STUDY", "SHELF", "DOCK", "RETURN"} <= every
        assert {place["kind"] for place in data(student.get("/robot/waypoints?limit=100"))} == {"DESK", "STUDY"}
        assert data(student.get("/robot/waypoints?kind=DOCK")) == []
        refused(librarian.get("/robot/waypoints?kind=ATTIC"), 422, "VALIDATION_ERROR")

    def test_one_place_by_id(self, parked: UUID, librarian: Api, student: Api) -> None:
        dock = data(librarian.get("/robot/waypoints?kind=DOCK"))[0]
        assert data(librarian.get(f"/robot/waypoints/{dock['id']}")) == dock
        refused(student.get(f"/robot/waypoints/{dock['id']}"), 404, "NOT_FOUND")

    def test_the_map_comes_with_its_picture(self, parked: UUID, student: Api) -> None:
        floor = data(student.get("/robot/map"))
        picture = student.get(floor["image_url"].removeprefix("/api/v1"))
        assert picture.headers["content-type"] == "image/png"
        assert picture.content[:4] == b"\x89PNG"
        assert floor["width"] * floor["resolution"] > 30
        again = student.get("/robot/map/image", headers={"If-None-Match": picture.headers["ETag"]})
        assert again.status_code == 304

    def test_a_place_is_known_by_code_and_by_name(self, parked: UUID, session_factory: SessionFactory) -> None:
        with transaction(session_factory) as session:
            by_code = service.resolve_waypoint(session, " desk-1 ")
            assert service.resolve_waypoint(session, by_code.name.upper()) == by_code
            with pytest.raises(UnknownLocation) as unknown:
                service.resolve_waypoint(session, "DESK-99")
            assert "DESK-1" in unknown.value.details["suggestions"]
            with pytest.raises(UnknownLocation):
                service.resolve_waypoint(session, "DOCK-1", kinds=("DESK",))
            session.execute(update(Waypoint).where(Waypoint.location_code == "DESK-2").values(is_active=False))
            with pytest.raises(LocationInactive):
                service.resolve_waypoint(session, "DESK-2")


class TestSeeding:
    def test_the_same_again_changes_nothing(
        self, parked: UUID, session_factory: SessionFactory, settings: Settings
    ) -> None:
        same = Registration("luna1", "/luna1", "ws://127.0.0.1:9/luna1", "DOCK-1", TOKEN)
        with transaction(session_factory) as session:
            hosts = settings.bridge_hosts
            assert not load_floor(session, FLOOR)
            assert not register(session, same, key=settings.encryption_key, allowed_hosts=hosts)
            moved = Registration("luna1", "/luna1", "ws://127.0.0.1:10/luna1", "DOCK-1", TOKEN)
            assert register(session, moved, key=settings.encryption_key, allowed_hosts=hosts)

    def test_a_bridge_elsewhere_is_refused(
        self, parked: UUID, session_factory: SessionFactory, settings: Settings
    ) -> None:
        foreign = Registration("luna2", "/luna2", "ws://169.254.169.254/luna2", "DOCK-2", TOKEN)
        with transaction(session_factory) as session, pytest.raises(RegistrationError):
            register(session, foreign, key=settings.encryption_key, allowed_hosts=settings.bridge_hosts)

    def test_a_place_that_the_floor_lost_is_out_of_use_and_kept(
        self, parked: UUID, session_factory: SessionFactory, tmp_path: object
    ) -> None:
        from pathlib import Path
        from shutil import copytree

        changed = Path(str(tmp_path)) / "floor"
        copytree(FLOOR, changed)
        places = (changed / "waypoints.yaml").read_text().splitlines(keepends=True)
        (changed / "waypoints.yaml").write_text("".join(line for line in places if "DESK-2," not in line))
        with transaction(session_factory) as session:
            assert load_floor(session, changed)
            lost = session.scalars(select(Waypoint).where(Waypoint.location_code == "DESK-2")).one()
            assert (lost.is_active, lost.deleted_at) == (False, None)
            assert service.floor(session).waypoints_version == 2


def test_a_stop_where_no_controller_runs_is_503(parked: UUID, librarian: Api) -> None:
    refused(librarian.post("/robot/emergency-stop"), 503, "DEPENDENCY_UNAVAILABLE")
