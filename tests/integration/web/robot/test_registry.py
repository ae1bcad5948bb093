"""Robots that administrators register, change and take out."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from luna_web.robot import repository
from luna_web.robot.models import Robot
from luna_web.robot.seed import Registration, RegistrationError, load_floor, register
from luna_web.robot.tokens import decrypt_token
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.principal import Role
from tests.integration.web.delivery.test_races import at_once, codes
from tests.integration.web.delivery.world import Library
from tests.integration.web.robot.conftest import FLOOR
from tests.integration.web.robot.desk import DeskInMemory
from tests.integration.web.robot.ros_side import Proxy, RobotDouble, until
from tests.integration.web.robot.test_recovery import beats_stopped
from tests.integration.world import Api, Catalog, Json, People, data, refused

TOKEN = "t" * 43


def luna(number: int = 2, **changes: Any) -> Json:
    wish: Json = {"robot_name": f"luna{number}", "bridge_url": f"ws://127.0.0.1:9/luna{number}", "token": TOKEN}
    return wish | changes


@pytest.fixture
def floor(session_factory: SessionFactory) -> None:
    with transaction(session_factory) as session:
        load_floor(session, FLOOR)


@pytest.fixture
def luna2(admin: Api, floor: None) -> Json:
    robot: Json = data(admin.post("/robot/robots", luna(home_waypoint="dock-2")), 201)
    return robot


class TestRegistering:
    def test_it_is_listed_and_its_token_is_shown_to_nobody(
        self, luna2: Json, admin: Api, librarian: Api, session_factory: SessionFactory, settings: Settings
    ) -> None:
        assert luna2["registration"]["namespace"] == "/luna2"
        assert (luna2["registration"]["home_waypoint"], luna2["mode"]) == ("DOCK-2", "OFFLINE")
        paths = ("/robot/robots", f"/robot/robots/{luna2['id']}")
        assert not [answer for path in paths for api in (admin, librarian) if TOKEN in (answer := api.get(path)).text]
        assert data(librarian.get("/robot/robots"))[0]["registration"] is None
        with transaction(session_factory) as session:
            row = session.scalars(select(Robot)).one()
            assert TOKEN.encode() not in row.token_encrypted
            assert decrypt_token(row.token_encrypted, settings.encryption_key) == TOKEN
            trail = session.execute(text("SELECT changes::text FROM audit_logs WHERE action = 'robot.create'"))
            assert TOKEN not in trail.scalar_one()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"bridge_url": "ws://169.254.169.254/luna2"}, "bridge_url"),
            ({"bridge_url": "http://127.0.0.1/luna2"}, "bridge_url"),
            ({"namespace": "luna2"}, "namespace"),
            ({"namespace": "/luna__2"}, "namespace"),
            ({"robot_name": "Luna 2"}, "robot_name"),
            ({"token": "short"}, "token"),
            ({"token": "line\r\nbreak" * 3}, "token"),
            ({"limits": {"min_battery": 0.1}}, "limits.min_battery"),
            ({"limits": {"speed": 3}}, "limits.speed"),
        ],
    )
    def test_what_is_wrong_is_named(self, admin: Api, floor: None, changes: Json, field: str) -> None:
        assert list(refused(admin.post("/robot/robots", luna(**changes)), 422, "VALIDATION_ERROR")["fields"]) == [field]

    def test_a_home_that_does_not_exist_gets_suggestions(self, admin: Api, floor: None) -> None:
        told = refused(admin.post("/robot/robots", luna(home_waypoint="DOK-2")), 422, "UNKNOWN_LOCATION")
        assert "DOCK-2" in told["suggestions"]

    def test_names_namespaces_and_docks_are_taken_once(self, luna2: Json, admin: Api) -> None:
        told = [
            refused(admin.post("/robot/robots", luna()), 409, "CONFLICT"),
            refused(admin.post("/robot/robots", luna(3, namespace="/luna2")), 409, "CONFLICT"),
            refused(admin.post("/robot/robots", luna(3, home_waypoint="DOCK-2")), 409, "WAYPOINT_IN_USE"),
        ]
        assert told == [{"field": "robot_name"}, {"field": "namespace"}, {"robot_name": "luna2"}]

    def test_of_robots_that_get_the_same_dock_at_once_one_has_it(self, admin: Api, floor: None) -> None:
        answers = at_once(
            [partial(admin.post, "/robot/robots", luna(number, home_waypoint="DOCK-2")) for number in range(2, 8)]
        )
        assert codes(answers) == {"201": 1, "WAYPOINT_IN_USE": 5}

    def test_a_repeated_key_registers_once(self, admin: Api, floor: None) -> None:
        key = {"Idempotency-Key": "register-luna2"}
        first, again = (admin.post("/robot/robots", luna(), headers=key) for _ in range(2))
        assert data(first, 201)["id"] == data(again, 201)["id"]


class TestChanging:
    def test_what_is_sent_changes_and_the_version_with_it(self, luna2: Json, admin: Api) -> None:
        path = f"/robot/robots/{luna2['id']}"
        tag = admin.get(path).headers["ETag"]
        changed = admin.put(path, {"limits": {"min_battery": 0.4}}, headers={"If-Match": tag})
        registration = data(changed)["registration"]
        assert (registration["limits"]["min_battery"], registration["home_waypoint"]) == (0.4, "DOCK-2")
        assert changed.headers["ETag"] != tag
        refused(admin.put(path, {"home_waypoint": None}, headers={"If-Match": tag}), 412, "PRECONDITION_FAILED")

    def test_the_same_again_changes_nothing(self, luna2: Json, admin: Api) -> None:
        path = f"/robot/robots/{luna2['id']}"
        same = {"bridge_url": luna2["registration"]["bridge_url"], "home_waypoint": "DOCK-2"}
        assert data(admin.put(path, same))["registration"]["version"] == 1

    def test_a_new_token_is_in_the_trail_without_its_text(
        self, luna2: Json, admin: Api, session_factory: SessionFactory
    ) -> None:
        data(admin.put(f"/robot/robots/{luna2['id']}", {"token": "n" * 43}))
        with transaction(session_factory) as session:
            trail = session.execute(text("SELECT changes FROM audit_logs WHERE action = 'robot.update'")).scalar_one()
        assert trail == {"token": "replaced"}

    def test_a_bridge_elsewhere_is_refused(self, luna2: Json, admin: Api) -> None:
        path = f"/robot/robots/{luna2['id']}"
        refused(admin.put(path, {"bridge_url": "ws://10.0.0.1/luna2"}), 422, "VALIDATION_ERROR")


class TestTakingOut:
    def test_it_is_gone_and_comes_back_as_itself_with_its_epoch(
        self, luna2: Json, admin: Api, session_factory: SessionFactory
    ) -> None:
        with transaction(session_factory) as session:
            assert repository.acquire_lease(session, UUID(luna2["id"]), uuid4()) == 1
        data(admin.delete(f"/robot/robots/{luna2['id']}"))
        assert data(admin.get("/robot/robots")) == []
        refused(admin.get(f"/robot/robots/{luna2['id']}"), 404, "NOT_FOUND")
        refused(admin.delete(f"/robot/robots/{luna2['id']}"), 404, "NOT_FOUND")

        again = data(admin.post("/robot/robots", luna()), 201)
        assert again["id"] == luna2["id"]
        with transaction(session_factory) as session:
            assert repository.acquire_lease(session, UUID(luna2["id"]), uuid4()) == 2
            told = session.scalars(text("SELECT event_type FROM outbox ORDER BY position"))
            assert [one.removeprefix("robot.status.") for one in told] == ["registered", "removed", "registered"]

    def test_taken_out_it_is_offline_and_a_start_that_names_it_takes_it_up_again_as_the_api_does(
        self, luna2: Json, admin: Api, session_factory: SessionFactory, settings: Settings
    ) -> None:
        with transaction(session_factory) as session:
            session.execute(text("UPDATE robots SET mode = 'IDLE', status = 'IDLE', paused = true"))
        data(admin.delete(f"/robot/robots/{luna2['id']}"))
        named = Registration("luna2", "/luna2", "ws://127.0.0.1:9/luna2", "DOCK-2", TOKEN)
        for changes in (True, False):
            with transaction(session_factory) as session:
                hosts = settings.bridge_hosts
                assert register(session, named, key=settings.encryption_key, allowed_hosts=hosts) is changes
        with transaction(session_factory) as session:
            told = session.execute(text("SELECT event_type, payload->'online' FROM outbox ORDER BY position")).all()
            assert [(kind.removeprefix("robot.status."), online) for kind, online in told] == [
                ("registered", False),
                ("removed", False),
                ("registered", False),
            ]
            row = session.scalars(select(Robot)).one()
            assert (str(row.id), row.mode, row.paused, row.deleted_at) == (luna2["id"], "OFFLINE", False, None)
            logged = session.execute(text("SELECT mode, kinds FROM robot_status_logs")).one()
            assert (logged.mode, set(logged.kinds)) == ("OFFLINE", {"LINK", "MODE"})
            trail = "SELECT changes->>'by' FROM audit_logs WHERE action = 'robot.create' ORDER BY at"
            assert session.scalars(text(trail)).all() == [None, "command line"]

    @pytest.mark.parametrize(
        ("given_away", "said"),
        [({"home_waypoint": "DOCK-2"}, "DOCK-2 is the dock"), ({"namespace": "/luna2"}, "has the namespace '/luna2'")],
    )
    def test_a_start_brings_no_robot_back_whose_dock_or_namespace_another_has_got(
        self,
        luna2: Json,
        admin: Api,
        session_factory: SessionFactory,
        settings: Settings,
        given_away: Json,
        said: str,
    ) -> None:
        data(admin.delete(f"/robot/robots/{luna2['id']}"))
        data(admin.post("/robot/robots", luna(3, **given_away)), 201)
        answer = admin.post("/robot/robots", luna(2, home_waypoint="DOCK-2", namespace="/luna2"))
        assert answer.status_code == 409, answer.text
        named = Registration("luna2", "/luna2", "ws://127.0.0.1:9/luna2", "DOCK-2", TOKEN)
        with pytest.raises(RegistrationError, match=said), transaction(session_factory) as session:
            register(session, named, key=settings.encryption_key, allowed_hosts=settings.bridge_hosts)

    def test_its_namespace_is_free_for_others(self, luna2: Json, admin: Api) -> None:
        data(admin.delete(f"/robot/robots/{luna2['id']}"))
        assert data(admin.post("/robot/robots", luna(3, namespace="/luna2")), 201)["robot_name"] == "luna3"

    def test_not_while_it_has_a_delivery_in_hand(self, runtime: Any, people: People, catalog: Catalog) -> None:
        library = Library(runtime, people, catalog)
        library.setting_off(library.book())
        admin = people.make(Role.ADMIN).api
        refused(admin.delete(f"/robot/robots/{library.luna1.id}"), 409, "ILLEGAL_TRANSITION")
        assert len(data(admin.get("/robot/robots"))) == 1

    def test_not_while_anything_of_a_delivery_is_left_with_it_unless_it_is_lost(
        self, runtime: Any, people: People, catalog: Catalog
    ) -> None:
        """Else nobody would ever tell it what people have said of what it carried."""
        library = Library(runtime, people, catalog)
        request = library.stuck(library.book())
        data(library.staff("recover", request, outcome="AT_DESK"))
        (settled,) = library.luna1.settlements()
        admin, path = people.make(Role.ADMIN).api, f"/robot/robots/{library.luna1.id}"
        assert "settled" in refused(admin.delete(path), 409, "ILLEGAL_TRANSITION")["left"]
        library.luna1.takes(settled)
        for seen, said in (
            ({"cargo": "PRESENT"}, "on board"),
            ({"cargo": "UNKNOWN", "delivery_id": "x", "kind": "DELIVERY"}, "busy"),
        ):
            library.execute("UPDATE robots SET observed = :seen", seen=json.dumps(seen))
            assert said in refused(admin.delete(path), 409, "ILLEGAL_TRANSITION")["left"]
        data(admin.delete(path, params={"lost": True}))
        trail = "SELECT changes FROM audit_logs WHERE action = 'robot.delete'"
        assert library.one(trail) == {"robot_name": library.luna1.name, "lost": True}


class TestControllers:
    def test_they_take_a_robot_up_follow_it_and_let_it_go_in_every_process(
        self, floor: None, robot: RobotDouble, proxy: Proxy, desk: DeskInMemory, lead: Callable[[], Api], people: People
    ) -> None:
        first, second = lead(), lead()
        admin = people.make(Role.ADMIN).api
        as_admin = [api.as_token(admin.token or "") for api in (first, second)]
        wish = luna(1, bridge_url="ws://127.0.0.1:9/luna1", token=proxy.token, home_waypoint="DOCK-1")
        path = f"/robot/robots/{data(as_admin[0].post('/robot/robots', wish), 201)['id']}"

        def online(api: Api) -> bool:
            return bool(data(api.get(path))["online"])

        data(as_admin[1].put(path, {"bridge_url": proxy.url}))
        until(lambda: all(online(api) for api in as_admin), "both processes know the robot")
        ready = "//health/ready"
        until(lambda: all("luna1" not in api.get(ready).text for api in (first, second)), "both can stop it")

        data(as_admin[0].delete(path))
        refused(first.post(f"/robot/emergency-stop/{uuid4()}"), 404, "NOT_FOUND")
        # Until it has heard of that, it tells in another status that the robot it tried to stop was taken out.
        answered = partial(second.post, "/robot/emergency-stop")
        until(lambda: not answered().json()["data"]["robots"], "the other has let it go")
        until(lambda: beats_stopped(robot), "nobody leads it")


