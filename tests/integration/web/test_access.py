"""Who may use which route: one table of every route, and every row of it tried as nobody, as each role, as a stranger.

A route that is not in the table fails here, and so does a row without a route.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import insert
from starlette.routing import WebSocketRoute

from luna_web.notification.live.channels import Kind
from luna_web.notification.models import Notification, PushSubscription
from luna_web.shared.config import Settings
from luna_web.shared.ids import new_id
from luna_web.shared.principal import STAFF_ROLES, Role
from luna_web.shared.routing import served_by
from luna_web.shared.runtime import Runtime
from tests.integration.web.delivery.world import Library
from tests.integration.web.notification.live.rig import client as connect_live
from tests.integration.web.notification.live.rig import serving
from tests.integration.world import Api, Catalog, People, data, refused


class Who(StrEnum):
    NOBODY = "also without a token"
    ANYBODY = "everybody with a token"
    OWNER = "everybody with a token, of what is theirs"
    STAFF = "librarians and administrators"
    ADMIN = "administrators"


ADMITTED: dict[Who, frozenset[Role]] = {
    Who.NOBODY: frozenset(Role),
    Who.ANYBODY: frozenset(Role),
    Who.OWNER: frozenset(Role),
    Who.STAFF: STAFF_ROLES,
    Who.ADMIN: frozenset({Role.ADMIN}),
}


@dataclass(frozen=True)
class Row:
    """`thing`: what the route's id names and `others` besides its owner may touch; to the rest it does not exist."""

    who: Who
    thing: str = ""
    others: frozenset[Role] = frozenset()


PUBLIC, ANYBODY, STAFF, ADMIN = Row(Who.NOBODY), Row(Who.ANYBODY), Row(Who.STAFF), Row(Who.ADMIN)
ONLY_ADMIN = frozenset({Role.ADMIN})


def own(thing: str, others: frozenset[Role] = frozenset()) -> Row:
    return Row(Who.OWNER, thing, others)


PAGES: dict[str, Row] = {
    "GET /metrics": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /docs/oauth2-redirect": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /api/v1/auth/openapi.json": PUBLIC,
    "GET /api/v1/book/openapi.json": PUBLIC,
    "GET /api/v1/delivery/openapi.json": PUBLIC,
    "GET /api/v1/notifications/openapi.json": PUBLIC,
    "GET /api/v1/robot/openapi.json": PUBLIC,
}
"""What is no operation of the API and stands in no document."""

ROUTES: dict[str, Row] = PAGES | {
    "GET /health/live": PUBLIC,
    "GET /health/ready": PUBLIC,
    # accounts
    "POST /api/v1/auth/register": PUBLIC,
    "POST /api/v1/auth/login": PUBLIC,
    "POST /api/v1/auth/refresh": PUBLIC,
    "POST /api/v1/auth/forgot-password": PUBLIC,
    "POST /api/v1/auth/reset-password": PUBLIC,
    "POST /api/v1/auth/verify-email": PUBLIC,
    "POST /api/v1/auth/verify-email/resend": PUBLIC,
    "POST /api/v1/auth/logout": ANYBODY,
    "GET /api/v1/auth/me": ANYBODY,
    "PUT /api/v1/auth/me": ANYBODY,
    "PUT /api/v1/auth/change-password": ANYBODY,
    "GET /api/v1/auth/sessions": ANYBODY,
    "DELETE /api/v1/auth/sessions/{session_id}": own("session"),
    "GET /api/v1/auth/users": ADMIN,
    "POST /api/v1/auth/users": ADMIN,
    "GET /api/v1/auth/users/{user_id}": ADMIN,
    "PUT /api/v1/auth/users/{user_id}": ADMIN,
    "DELETE /api/v1/auth/users/{user_id}": ADMIN,
    "DELETE /api/v1/auth/users/{user_id}/sessions": ADMIN,
    "GET /api/v1/auth/audit-logs": ADMIN,
    "GET /api/v1/auth/settings": ADMIN,
    "PUT /api/v1/auth/settings": ADMIN,
    # catalog
    "GET /api/v1/books": ANYBODY,
    "GET /api/v1/books/suggestions": ANYBODY,
    "GET /api/v1/books/stats": ANYBODY,
    "GET /api/v1/books/isbn/{isbn}": ANYBODY,
    "GET /api/v1/books/{book_id}": ANYBODY,
    "GET /api/v1/books/{book_id}/availability": ANYBODY,
    "GET /api/v1/books/export": STAFF,
    "POST /api/v1/books": STAFF,
    "PUT /api/v1/books/{book_id}": STAFF,
    "DELETE /api/v1/books/{book_id}": STAFF,
    "GET /api/v1/books/{book_id}/copies": STAFF,
    "POST /api/v1/books/{book_id}/copies": STAFF,
    "PUT /api/v1/books/{book_id}/copies/{copy_id}": STAFF,
    "DELETE /api/v1/books/{book_id}/copies/{copy_id}": STAFF,
    "POST /api/v1/books/bulk-import": STAFF,
    "GET /api/v1/books/imports": STAFF,
    "GET /api/v1/books/imports/{job_id}": STAFF,
    "GET /api/v1/books/imports/{job_id}/errors": STAFF,
    "GET /api/v1/books/imports/{job_id}/errors.csv": STAFF,
    "PUT /api/v1/books/imports/{job_id}/cancel": STAFF,
    # requests, returns, loans, deliveries
    "POST /api/v1/requests": ANYBODY,
    "GET /api/v1/requests": ANYBODY,
    "GET /api/v1/requests/{request_id}": own("request", STAFF_ROLES),
    "GET /api/v1/requests/{request_id}/activity": own("request", STAFF_ROLES),
    "PUT /api/v1/requests/{request_id}/approve": STAFF,
    "POST /api/v1/requests/{request_id}/approve": STAFF,
    "PUT /api/v1/requests/{request_id}/cancel": own("request", ONLY_ADMIN),
    "PUT /api/v1/requests/{request_id}/complete": own("request"),
    "POST /api/v1/returns": ANYBODY,
    "GET /api/v1/returns": ANYBODY,
    "GET /api/v1/returns/{return_id}": own("return", STAFF_ROLES),
    "GET /api/v1/returns/{return_id}/activity": own("return", STAFF_ROLES),
    "PUT /api/v1/returns/{return_id}/picked-up": own("return"),
    "PUT /api/v1/returns/{return_id}/cancel": own("return", STAFF_ROLES),
    "GET /api/v1/loans": ANYBODY,
    "POST /api/v1/loans": STAFF,
    "POST /api/v1/loans/checkin": STAFF,
    "GET /api/v1/loans/{loan_id}": own("loan", STAFF_ROLES),
    "PUT /api/v1/loans/{loan_id}/renew": own("loan", STAFF_ROLES),
    "PUT /api/v1/loans/{loan_id}/checkin": STAFF,
    "PUT /api/v1/loans/{loan_id}/lost": STAFF,
    "GET /api/v1/holds": ANYBODY,
    "POST /api/v1/holds": ANYBODY,
    "GET /api/v1/holds/{hold_id}": own("hold", STAFF_ROLES),
    "DELETE /api/v1/holds/{hold_id}": own("hold", STAFF_ROLES),
    "GET /api/v1/deliveries": STAFF,
    "GET /api/v1/deliveries/{task_id}": STAFF,
    "GET /api/v1/deliveries/{task_id}/history": STAFF,
    "PUT /api/v1/deliveries/{task_id}/book-placed": STAFF,
    "PUT /api/v1/deliveries/{task_id}/complete": STAFF,
    "PUT /api/v1/deliveries/{task_id}/cancel": STAFF,
    "POST /api/v1/deliveries/inter-staff": STAFF,
    "POST /api/v1/deliveries/workstation": STAFF,
    "POST /api/v1/deliveries/transfer": STAFF,
    "PUT /api/v1/deliveries/{task_id}/priority": STAFF,
    "POST /api/v1/deliveries/{task_id}/retry": STAFF,
    "POST /api/v1/deliveries/{task_id}/recover": STAFF,
    # robots: a reader sees that of their own delivery only
    "GET /api/v1/robot/status": STAFF,
    "GET /api/v1/robot/status/{robot_id}": own("robot", STAFF_ROLES),
    "GET /api/v1/robot/robots": STAFF,
    "GET /api/v1/robot/robots/{robot_id}": STAFF,
    "POST /api/v1/robot/robots": ADMIN,
    "PUT /api/v1/robot/robots/{robot_id}": ADMIN,
    "DELETE /api/v1/robot/robots/{robot_id}": ADMIN,
    "GET /api/v1/robot/map": ANYBODY,
    "GET /api/v1/robot/map/image": ANYBODY,
    "GET /api/v1/robot/waypoints": ANYBODY,
    "GET /api/v1/robot/waypoints/{waypoint_id}": ANYBODY,
    "POST /api/v1/robot/waypoints": STAFF,
    "PUT /api/v1/robot/waypoints/{waypoint_id}": STAFF,
    "DELETE /api/v1/robot/waypoints/{waypoint_id}": STAFF,
    "GET /api/v1/robot/tasks": STAFF,
    "GET /api/v1/robot/analytics": STAFF,
    "GET /api/v1/robot/{robot_id}/history": STAFF,
    "POST /api/v1/robot/emergency-stop": STAFF,
    "POST /api/v1/robot/emergency-stop/{robot_id}": STAFF,
    "POST /api/v1/robot/emergency-stop/release": STAFF,
    "POST /api/v1/robot/emergency-stop/{robot_id}/release": STAFF,
    "POST /api/v1/robot/{robot_id}/pause": STAFF,
    "POST /api/v1/robot/{robot_id}/resume": STAFF,
    "POST /api/v1/robot/{robot_id}/send-home": STAFF,
    "POST /api/v1/robot/{robot_id}/undock": STAFF,
    "POST /api/v1/robot/{robot_id}/maintenance": STAFF,
    # notifications
    "GET /api/v1/notifications": ANYBODY,
    "PUT /api/v1/notifications/read-all": ANYBODY,
    "GET /api/v1/notifications/{notification_id}": own("notification"),
    "PUT /api/v1/notifications/{notification_id}/read": own("notification"),
    "DELETE /api/v1/notifications/{notification_id}": own("notification"),
    "GET /api/v1/notifications/preferences": ANYBODY,
    "PUT /api/v1/notifications/preferences": ANYBODY,
    "GET /api/v1/notifications/push-subscriptions": ANYBODY,
    "POST /api/v1/notifications/push-subscriptions": ANYBODY,
    "DELETE /api/v1/notifications/push-subscriptions": ANYBODY,
    "DELETE /api/v1/notifications/push-subscriptions/{subscription_id}": own("subscription"),
}
# What a socket may subscribe to: `own` is another's unless it is one's own delivery.
CHANNELS: dict[str, Row] = {
    "me": ANYBODY,
    "catalog": ANYBODY,
    "queue": STAFF,
    "robots": STAFF,
    "robot:{robot}": STAFF,
    "delivery:{delivery}": own("delivery", STAFF_ROLES),
}
SOCKETS = {"/api/v1/notifications/ws"}
OPEN = frozenset(name for name, row in ROUTES.items() if row.who is Who.NOBODY)
OWNED = [name for name, row in ROUTES.items() if row.thing]
LISTS = {
    "session": "/auth/sessions",
    "request": "/requests",
    "return": "/returns",
    "loan": "/loans",
    "hold": "/holds",
    "notification": "/notifications",
    "subscription": "/notifications/push-subscriptions",
}
UNLISTED = {"robot"}
"""Only staff are shown a list of these."""


def test_the_table_has_every_route_and_nothing_else(app: FastAPI) -> None:
    served = {
        f"{method} {path}"
        for path, route in served_by(app)
        if not isinstance(route, WebSocketRoute)
        for method in getattr(route, "methods", None) or [type(route).__name__]
        if method != "HEAD"
    }

    assert served == set(ROUTES)
    assert {path for path, route in served_by(app) if isinstance(route, WebSocketRoute)} == SOCKETS
    assert {name.partition(":")[0] for name in CHANNELS} == set(Kind)


def call(api: Api, name: str, ids: str | None = None) -> int:
    """The status of a call with an empty body, and with `ids` or made-up ones in its path."""
    method, path = name.split(" ")
    url = re.sub(r"\{\w+\}", ids or str(uuid4()), path)
    body: dict[str, Any] = {"json": {}} if method in ("POST", "PUT") else {}
    headers = {"Authorization": f"Bearer {api.token}"} if api.token else {}
    status: int = api.http.request(method, url, headers=headers, **body).status_code
    return status


@pytest.mark.parametrize("token", [None, "e30.e30.e30"], ids=["without a token", "with a made-up one"])
def test_only_what_is_public_answers(client: Api, token: str | None) -> None:
    stranger = client if token is None else client.as_token(token)

    answering = {name for name in ROUTES if call(stranger, name) != 401}

    assert answering == OPEN


@pytest.mark.parametrize("role", Role)
def test_each_role_gets_past_the_rules_of_its_rows_and_no_others(people: People, role: Role) -> None:
    # Somebody new for each route, since some end the session that calls them.
    statuses = {name: call(people.make(role).api, name) for name in ROUTES}

    assert {name for name, status in statuses.items() if status == 401} == set()
    turned_away = {name for name, status in statuses.items() if status == 403}
    assert turned_away == {name for name, row in ROUTES.items() if role not in ADMITTED[row.who]}


@pytest.fixture
def library(runtime: Runtime, people: People, catalog: Catalog) -> Library:
    return Library(runtime, people, catalog)


@pytest.fixture
def make(library: Library, runtime: Runtime) -> Callable[[str], str]:
    """Makes something that belongs to `library.reader`; its id."""

    def notification() -> str:
        row = {"id": new_id(), "user_id": library.reader.id, "event_id": new_id(), "title": "t", "message": "m",
               "notification_type": "SYSTEM_ALERT"}  # fmt: skip
        with library.transaction() as session:
            session.execute(insert(Notification).values(row))
        return str(row["id"])

    def robot() -> str:
        library.setting_off(library.book())
        return str(library.luna1.id)

    def subscription() -> str:
        row = {"id": new_id(), "user_id": library.reader.id, "session_id": library.reader.session_id,
               "endpoint": "https://fcm.googleapis.com/x", "endpoint_hash": bytes(32), "p256dh": bytes(65),
               "auth": bytes(16), "server_key": "k"}  # fmt: skip
        with library.transaction() as session:
            session.execute(insert(PushSubscription).values(row))
        return str(row["id"])

    makers: dict[str, Callable[[], str]] = {
        "session": lambda: str(library.reader.session_id),
        "request": lambda: str(library.requested(library.book())["id"]),
        "return": lambda: str(library.return_asked(library.lent(library.book()))["id"]),
        "loan": lambda: str(library.handed_out(library.book())["id"]),
        "hold": lambda: str(library.waiting(library.book(copies=0))["id"]),
        "notification": notification,
        "subscription": subscription,
        "robot": robot,
    }
    return lambda thing: makers[thing]()


@pytest.mark.parametrize("name", OWNED)
def test_what_belongs_to_somebody_is_there_for_them_and_whom_the_table_names(
    library: Library, people: People, make: Callable[[str], str], name: str
) -> None:
    row = ROUTES[name]
    thing = make(row.thing)

    assert call(people.make(Role.STUDENT).api, name, thing) == 404
    for role in STAFF_ROLES:
        status = call(people.make(role).api, name, thing)
        assert (status in (403, 404)) == (role not in row.others), f"{role}: {status}"
    assert call(library.reader.api, name, thing) not in (401, 403, 404)


@pytest.mark.parametrize("thing", LISTS)
def test_lists_hold_what_is_ones_own(library: Library, people: People, make: Callable[[str], str], thing: str) -> None:
    made = make(thing)

    def listed(api: Api, **asked: Any) -> set[str]:
        told = data(api.get(LISTS[thing], params=asked))
        return {row["id"] for row in (told["subscriptions"] if thing == "subscription" else told)}

    assert made in listed(library.reader.api)
    stranger = people.make(Role.STUDENT).api
    assert made not in listed(stranger)
    if thing in ("request", "return", "loan", "hold"):
        assert made not in listed(stranger, user_id=str(library.reader.id))


def test_every_kind_of_thing_that_has_an_owner_has_its_list_tried() -> None:
    assert set(LISTS) | UNLISTED == {ROUTES[name].thing for name in OWNED}


def test_what_is_another_readers_cannot_be_had_by_naming_it_in_a_body(
    library: Library, people: People, make: Callable[[str], str]
) -> None:
    stranger, theirs = people.make(Role.STUDENT).api, make("loan")
    give_back = stranger.post("/returns", {"loan_id": theirs, "pickup_location": "STUDY-1"})
    refused(give_back, 409, "NOT_BORROWED_BY_YOU")
    book_id = library.book(copies=0).id
    refused(stranger.post("/holds", {"book_id": book_id, "user_id": str(library.reader.id)}), 403, "FORBIDDEN")
    subscription = make("subscription")
    stranger.call("DELETE", "/notifications/push-subscriptions", json={"endpoint": "https://fcm.googleapis.com/x"})
    assert library.rows("SELECT FROM push_subscriptions WHERE id = :id", id=subscription)


def test_readers_are_not_told_which_of_the_staff_it_was(library: Library) -> None:
    """That a request was accepted or a robot stopped they are; staff see by whom."""
    trip, robot = library.setting_off(library.book()), f"/robot/status/{library.luna1.id}"
    library.execute("UPDATE robots SET stop_state = 'ENGAGE', stop_id = 's', stop_by = :by", by=library.librarian.email)
    for path in (f"/requests/{trip['id']}", "/requests", f"/requests/{trip['id']}/activity", robot):
        names = (str(library.librarian.id), library.librarian.email)
        told, staff_told = library.reader.api.get(path).text, library.librarian.api.get(path).text
        assert not any(name in told for name in names), path
        assert any(name in staff_told for name in names), path
    assert library.request_now(trip)["approved_at"]
    assert data(library.reader.api.get(robot))["estop"]["engaged"]


def test_readers_see_only_places_that_they_may_send_robots_to(library: Library, people: People) -> None:
    places = {row.location_code: str(row.id) for row in library.rows("SELECT id, location_code FROM waypoints")}
    seen = {place: library.reader.api.get(f"/robot/waypoints/{id_}").status_code for place, id_ in places.items()}

    assert {place for place, status in seen.items() if status == 200} == {"DESK-1", "DESK-2", "STUDY-1", "STUDY-2"}
    assert set(seen.values()) == {200, 404}


class TestLiveChannels:
    """Who is told what over a socket: without a token nothing, and a refusal is that channel's alone."""

    @pytest.fixture
    def url(self, settings: Settings, runtime: Runtime) -> Iterator[str]:
        with serving(settings) as server:
            yield server.url

    @pytest.fixture
    def names(self, library: Library) -> dict[str, str]:
        """Every channel, with a robot on its way with a book to `library.reader`."""
        trip = library.setting_off(library.book())
        ids = {"robot": library.luna1.id, "delivery": trip["task_id"]}
        return {row: row.format(**ids) for row in CHANNELS}

    @pytest.mark.parametrize("token", [None, "e30.e30.e30"], ids=["without a token", "with a made-up one"])
    def test_a_stranger_is_told_nothing(self, url: str, names: dict[str, str], token: str | None) -> None:
        async def story() -> None:
            async with connect_live(url, token) as stranger:
                await stranger.say(op="subscribe", channels=list(names.values()))
                assert await stranger.closed() == 4401
                assert stranger.seen == []

        asyncio.run(story())

    @pytest.mark.parametrize("role", Role)
    def test_each_role_is_told_the_channels_of_its_rows(
        self, url: str, names: dict[str, str], people: People, role: Role
    ) -> None:
        answers = asyncio.run(self._ask(url, people.make(role).api, names))

        expected = {name: self._expected(row, role) for name, row in CHANNELS.items()}
        assert answers == expected

    def test_readers_are_told_of_their_own_delivery(self, url: str, names: dict[str, str], library: Library) -> None:
        answers = asyncio.run(self._ask(url, library.reader.api, names))

        assert answers["delivery:{delivery}"] == "subscribed"
        assert {answers[name] for name, row in CHANNELS.items() if row is STAFF} == {"FORBIDDEN"}

    def test_a_reader_is_told_nothing_of_what_staff_send_each_other(self, url: str, library: Library) -> None:
        sent = library.sent("inter-staff", item_description="The keys")

        answers = asyncio.run(self._ask(url, library.reader.api, {"theirs": f"delivery:{sent['id']}"}))

        assert answers == {"theirs": "NOT_FOUND"}

    def test_everybody_is_told_their_own_affairs_and_nobody_elses(
        self, url: str, library: Library, people: People, make: Callable[[str], str]
    ) -> None:
        theirs = make("notification"), make("request"), make("hold")
        library.approved(library.book())

        async def affairs(api: Api) -> str:
            async with connect_live(url, api.token) as socket:
                await socket.say(op="subscribe", channels=["me"])
                return json.dumps(await socket.next("subscribed"))

        told = asyncio.run(affairs(library.reader.api))
        assert theirs[0] in told
        assert "APPROVED" in told and str(library.librarian.id) not in told
        others = asyncio.run(affairs(people.make(Role.STUDENT).api))
        assert not any(name in others for name in (*theirs, str(library.reader.id)))

    @staticmethod
    def _expected(row: Row, role: Role) -> str:
        if role not in ADMITTED[row.who]:
            return "FORBIDDEN"
        return "subscribed" if not row.thing or role in row.others else "NOT_FOUND"

    @staticmethod
    async def _ask(url: str, api: Api, names: dict[str, str]) -> dict[str, str]:
        """What each channel is answered with."""
        rows = {channel: row for row, channel in names.items()}
        found: dict[str, str] = {}
        async with connect_live(url, api.token) as socket:
            await socket.say(op="subscribe", channels=list(rows))
            while len(found) < len(rows):
                frame = await socket.next("subscribed", "error")
                found[rows[frame["channel"]]] = frame.get("code", frame["op"])
        return found
