"""Schemathesis over the whole document, as nobody and as each role: no 5xx, no answer that the document lacks.

Single calls, well and badly formed, then walks along the document's links. Ids and places are those of a library in the
middle of a day, now and then made up. `--fuzz=N` tries N examples of each call instead of a few, and walks as much
further; what it tries is then another each time, and what fails is told.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.transport import Response
from schemathesis.schemas import BaseSchema
from sqlalchemy import insert

from luna_web.delivery.routes import doing
from luna_web.notification.models import Notification, PushSubscription
from luna_web.robot import emergency
from luna_web.robot.ports import Phase as RobotPhase
from luna_web.robot.routes import calling
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime
from tests.integration.web.delivery.world import PLACES, Library
from tests.integration.world import Api, Catalog, People, Person, data

Known = Mapping[str, Sequence[str]]
WELL, BADLY = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
FEW: Mapping[Role | None, Mapping[GenerationMode, int]] = {
    None: {WELL: 1},
    Role.STUDENT: {WELL: 1, BADLY: 1},
    Role.LIBRARIAN: {WELL: 2, BADLY: 1},
    Role.ADMIN: {WELL: 1, BADLY: 1},
}
"""How many calls of each kind suffice for every day: staff are let in to most, and administrators to little more."""
WALKS, STEPS = 4, 8
MADE_UP = 9
PICKS = st.integers(0, MADE_UP)
load_all_checks()
HELD = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)


@pytest.fixture(scope="module")
def schema(app: FastAPI) -> BaseSchema:
    """Made of a copy: Schemathesis changes the document's links, and other tests look at the same one."""
    return schemathesis.openapi.from_dict(deepcopy(app.openapi()))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for robots: there is none behind these."""
    monkeypatch.setattr(doing, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(calling, "EFFECT_SECONDS", 0.0)
    monkeypatch.setattr(emergency, "ANSWER_SECONDS", 0.01)


@pytest.fixture
def library(runtime: Runtime, people: People, catalog: Catalog) -> Library:
    return Library(runtime, people, catalog)


@pytest.fixture
def known(library: Library) -> Known:
    """Names of things in all the states of a day, by the names of the fields and parameters that take them."""
    return day_of(library)


@pytest.fixture(params=[None, *Role], ids=lambda role: role or "nobody")
def caller(request: pytest.FixtureRequest, library: Library, people: People) -> "Caller":
    role: Role | None = request.param
    if role is None:
        return Caller(people, None)
    return Caller(people, library.reader if role is Role.STUDENT else people.make(role))


class Caller:
    """One person, in a new session for each call: what one call ends must not shield the next."""

    def __init__(self, people: People, person: Person | None) -> None:
        self._people = people
        self._person = person
        self.role = person.role if person else None

    def headers(self) -> dict[str, str]:
        if self._person is None:
            return {}
        return {"Authorization": f"Bearer {self._people.again(self._person).api.token}"}


def tried(examples: int, fuzz: int | None, **more: Any) -> settings:
    return settings(
        max_examples=fuzz or examples,
        phases=[Phase.explicit, Phase.generate],
        derandomize=fuzz is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


@pytest.fixture
def served(serve: Any) -> Api:
    """The whole app with its background: a stop needs the robots' controllers, though they reach nobody."""
    api: Api = serve()
    return api


def test_whatever_is_sent_the_answer_is_one_that_the_document_has(
    schema: BaseSchema, served: Api, known: Known, caller: Caller, fuzz: int | None
) -> None:
    for mode, few in FEW[caller.role].items():
        call_everything(schema, served, known, caller, mode, tried(few, fuzz))
    if caller.role:
        follow_links(schema, served, known, caller, tried(WALKS, fuzz, stateful_step_count=STEPS))


def call_everything(
    schema: BaseSchema, served: Api, known: Known, caller: Caller, mode: GenerationMode, how: settings
) -> None:
    def holds(case: Any, pick: int) -> None:
        case.validate_response(send(served, case, caller, known, pick), checks=HELD)

    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is WELL or operation.body or operation.query:
            how(given(case=operation.as_strategy(generation_mode=mode), pick=PICKS)(holds))()


def follow_links(schema: BaseSchema, served: Api, known: Known, caller: Caller, how: settings) -> None:
    class Walk(schema.as_state_machine()):  # type: ignore[misc]  # made of the document
        def call(self, case: Any, **_: Any) -> Response:
            pick = len(case.operation.label) % MADE_UP
            return Response.from_any(send(served, case, caller, known, pick, in_path=False))

        def validate_response(self, response: Response, case: Any, **_: Any) -> None:
            case.validate_response(response, checks=HELD)

    Walk.run(settings=how)


def send(served: Api, case: Any, caller: Caller, known: Known, pick: int, *, in_path: bool = True) -> Any:
    """The answer to a case with known names in the place of made-up ones, but for `MADE_UP`."""
    if pick != MADE_UP:
        if in_path:
            case.path_parameters = named(case.path_parameters, known, pick)
        case.query = named(case.query, known, pick)
        case.body = named(case.body, known, pick)
    case.headers = {**(case.headers or {}), **caller.headers()}
    sent = case.as_transport_kwargs(base_url="http://luna.test")
    if files := sent.pop("files", None):
        form = requests.Request("POST", "http://luna.test", data=sent.pop("data", None), files=files).prepare()
        sent |= {"content": form.body, "headers": {**sent["headers"], "Content-Type": form.headers["Content-Type"]}}
    if isinstance(sent.get("data"), bytes | str):
        sent["content"] = sent.pop("data")
    if cookies := sent.pop("cookies", None):
        sent["headers"]["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    answer = served.http.request(**sent)
    answer.request.read()  # Schemathesis tells of it
    return answer


def named(values: Any, known: Known, pick: int) -> Any:
    """Fields with names of things that there are, where they are given and take such names."""
    if not isinstance(values, dict):
        return values
    return {
        name: known[name][pick % len(known[name])] if name in known and value is not None else value
        for name, value in values.items()
    }


def day_of(library: Library) -> dict[str, list[str]]:
    """Fills the library; what there is."""
    limits = '{"open_requests": 100, "open_loans": 1000}'
    library.execute("INSERT INTO settings (name, value) VALUES ('limits', CAST(:value AS jsonb))", value=limits)
    for stage in (library.setting_off, library.at_desk, library.at_reader, library.back_at_desk, library.stuck):
        library.luna1 = library.robot()
        stage(library.book())
    library.luna1 = library.robot()
    library.lent(library.book())
    library.collecting(library.handed_out(library.book()))
    library.return_asked(library.handed_out(library.book()))
    library.handed_out(library.book())
    library.approved(library.book())
    library.requested(library.book(copies=2))
    library.waiting(library.book(copies=0))
    for kind in ("inter-staff", "workstation", "transfer"):
        library.sent(kind, copy_id=library.book().copies[0])
    library.luna1 = library.robot()
    assert library.luna1.claim() is not None
    library.luna1.shows(RobotPhase.AWAITING_LOAD)
    for number in range(3):
        tell(library, number)
    upload = {"content": b'{"title": "Micrographia"}\nno JSON\n', "headers": {"Content-Type": "application/x-ndjson"}}
    job = data(library.librarian.api.post("/books/bulk-import", **upload), 202)["id"]
    return {**ids_of(library), "job_id": [job]}


def tell(library: Library, number: int) -> None:
    """A notification and a subscription of the reader."""
    notification = {"id": new_id(), "user_id": library.reader.id, "event_id": new_id(), "title": "t", "message": "m",
                    "notification_type": "SYSTEM_ALERT"}  # fmt: skip
    subscription = {"id": new_id(), "user_id": library.reader.id, "session_id": library.reader.session_id,
                    "endpoint": f"https://fcm.googleapis.com/{number}", "endpoint_hash": bytes([number] * 32),
                    "p256dh": bytes(65), "auth": bytes(16), "server_key": "k"}  # fmt: skip
    with library.transaction() as session:
        session.execute(insert(Notification).values(notification))
        session.execute(insert(PushSubscription).values(subscription))


TABLES = {
    "book_id": "books",
    "copy_id": "copies",
    "request_id": "book_requests",
    "return_id": "book_returns",
    "loan_id": "loans",
    "hold_id": "holds",
    "task_id": "delivery_tasks",
    "robot_id": "robots",
    "waypoint_id": "waypoints",
    "session_id": "sessions",
    "notification_id": "notifications",
    "subscription_id": "push_subscriptions",
    "user_id": "users",
}
PLACE_FIELDS = ("request_location", "pickup_location", "source_location", "destination_location", "location_code")


def ids_of(library: Library) -> dict[str, list[str]]:
    known = {
        name: [str(row.id) for row in library.rows(f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608 - our names
        for name, table in TABLES.items()
    }
    places = [code for code, _ in PLACES]
    return {
        **known,
        **{field: places[turn:] + places[:turn] for turn, field in enumerate(PLACE_FIELDS)},
        "recipient_id": known["user_id"],
        "barcode": [row.barcode for row in library.rows("SELECT barcode FROM copies ORDER BY id")],
        "home_waypoint": places,
    }
