"""Push messages: who may subscribe what, what browsers get, what push services answer."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from pydantic import SecretStr

from luna_web.main import ALL, create_app
from luna_web.notification.sending.push import MOST_BYTES, PushCarrier
from luna_web.notification.subscriptions import MOST_PER_USER
from luna_web.shared.config import Settings
from luna_web.shared.runtime import Runtime
from luna_web.shared.vapid import PushKey, make_push_key
from luna_web.worker.directory import Accounts
from tests.integration.in_process import make_client
from tests.integration.web.delivery.world import Library
from tests.integration.web.notification.browser import HOST, Browser, PushService, base64url, from_base64url
from tests.integration.web.notification.conftest import Letters, News, Tell
from tests.integration.world import Api, Catalog, People, Person, data, refused

PATH = "/notifications/push-subscriptions"
ENDPOINT = f"https://{HOST}/fcm/send/"


@pytest.fixture(scope="session")
def key() -> PushKey:
    return make_push_key()


@pytest.fixture
def settings_with_key(settings: Settings, key: PushKey) -> Settings:
    return settings.model_copy(update={"push_key": SecretStr(key.text()), "push_contact": "luna@library.example"})


@pytest.fixture
def people(runtime: Runtime, settings_with_key: Settings) -> Iterator[People]:
    """People of a library that sends push messages."""
    quiet = [replace(service, lifespan=None) for service in ALL]
    app: FastAPI = create_app(quiet, runtime=replace(runtime, settings=settings_with_key))
    with make_client(app) as http:
        yield People(http, runtime)


@pytest.fixture
def library(runtime: Runtime, people: People, catalog: Catalog) -> Library:
    return Library(runtime, people, catalog)


@pytest.fixture
def reader(library: Library) -> Person:
    return library.reader


@pytest.fixture
def carrier(settings_with_key: Settings, push_service: PushService) -> PushCarrier:
    return PushCarrier(settings_with_key, Accounts(), push_service.transport(), lambda: 0.0)


def subscribe(api: Api, browser: Browser | None = None) -> tuple[Browser, dict[str, Any]]:
    browser = browser or Browser(endpoint=f"{ENDPOINT}{uuid4()}")
    return browser, data(api.post(PATH, browser.subscription()), 201)


def shown(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(api.get(PATH))["subscriptions"]
    return found


class TestSubscribing:
    def test_a_browser_is_subscribed_and_listed_without_its_address(self, reader: Person, key: PushKey) -> None:
        assert data(reader.api.get(PATH)) == {"application_server_key": key.public, "subscriptions": []}
        answer = reader.api.post(PATH, Browser().subscription(), headers={"User-Agent": "Firefox of a test"})
        made = data(answer, 201)
        assert answer.headers["Location"] == f"/api/v1{PATH}/{made['id']}"
        assert (made["service"], made["device"], made["last_success_at"]) == (HOST, "Firefox of a test", None)
        assert shown(reader.api) == [made]

    def test_the_same_browser_again_is_the_same(self, reader: Person) -> None:
        browser, first = subscribe(reader.api)
        browser.private = ec.generate_private_key(ec.SECP256R1())
        _, second = subscribe(reader.api, browser)
        assert first["id"] == second["id"] and len(shown(reader.api)) == 1

    def test_whoever_uses_a_browser_now_has_it(self, reader: Person, library: Library) -> None:
        browser, _ = subscribe(reader.api)
        other = library.student()
        subscribe(other.api, browser)
        assert shown(reader.api) == [] and len(shown(other.api)) == 1

    def test_whoever_knows_no_more_than_an_address_does_not_get_it(self, reader: Person, library: Library) -> None:
        browser, _ = subscribe(reader.api)
        thief = Browser(endpoint=browser.endpoint)
        refused(library.student().api.post(PATH, thief.subscription()), 409, "CONFLICT")
        assert len(shown(reader.api)) == 1

    def test_one_more_than_ten_ends_the_oldest(self, reader: Person) -> None:
        made = [subscribe(reader.api)[1]["id"] for _ in range(MOST_PER_USER + 2)]
        assert [one["id"] for one in shown(reader.api)] == made[:1:-1]

    def test_also_when_they_come_at_once(self, reader: Person, at_once: Callable[..., None]) -> None:
        at_once(*[lambda: subscribe(reader.api) for _ in range(MOST_PER_USER + 4)])
        assert len(shown(reader.api)) == MOST_PER_USER

    def test_the_same_one_at_once_is_one(self, reader: Person, at_once: Callable[..., None]) -> None:
        browser = Browser()
        at_once(*[lambda: subscribe(reader.api, browser) for _ in range(4)])
        assert len(shown(reader.api)) == 1

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"endpoint": "https://127.0.0.1/x"}, "endpoint"), ({"endpoint": f"http://{HOST}/x"}, "endpoint"),
         ({"endpoint": f"https://{HOST}:8443/x"}, "endpoint"), ({"endpoint": ""}, "endpoint"),
         ({"keys": {"p256dh": "AAAA", "auth": "AAAA"}}, "keys.p256dh"),
         ({"keys": {"p256dh": base64url(b"\x04" + bytes(64)), "auth": base64url(bytes(16))}}, "keys.p256dh"),
         ({"keys": {"p256dh": base64url(Browser().public), "auth": "!!!"}}, "keys.auth"),
         ({"keys": {"p256dh": base64url(Browser().public), "auth": base64url(bytes(15))}}, "keys.auth"),
         ({"expirationTime": -1}, "expirationTime"), ({"expirationTime": 1e300}, "expirationTime")],
    )  # fmt: skip
    def test_what_is_no_browsers_subscription_is_refused(
        self, reader: Person, change: dict[str, Any], field: str
    ) -> None:
        details = refused(reader.api.post(PATH, Browser().subscription() | change), 422, "VALIDATION_ERROR")
        assert field in details["fields"]

    def test_a_library_without_a_key_offers_none(self, reader: Person, client: Api) -> None:
        student = Api(client.http, reader.api.token)
        assert data(student.get(PATH)) == {"application_server_key": None, "subscriptions": []}
        refused(student.post(PATH, Browser().subscription()), 409, "CONFLICT")

    def test_ending_one_by_its_address_by_its_id_and_all(self, reader: Person, library: Library) -> None:
        one, _ = subscribe(reader.api)
        _, other = subscribe(reader.api)
        for _ in range(2):
            subscribe(reader.api)
        stranger = library.student().api
        assert data(stranger.delete(PATH, json={"endpoint": one.endpoint})) == {"ended": 0}
        refused(stranger.delete(f"{PATH}/{other['id']}"), 404, "NOT_FOUND")
        assert data(reader.api.delete(PATH, json={"endpoint": one.endpoint})) == {"ended": 1}
        assert data(reader.api.delete(f"{PATH}/{other['id']}")) == {}
        refused(reader.api.delete(f"{PATH}/{other['id']}"), 404, "NOT_FOUND")
        assert data(reader.api.delete(PATH)) == {"ended": 2}


class TestSending:
    def test_the_browser_reads_what_nobody_else_can(
        self, reader: Person, news: News, tell: Tell, letters: Letters, carrier: PushCarrier,
        push_service: PushService, key: PushKey,
    ) -> None:  # fmt: skip
        browser, _ = subscribe(reader.api)
        event_id = news(reader)
        tell()
        assert letters.send(carrier) == 1

        (got,) = push_service.received
        said = got.message(browser)
        assert (said["title"], said["type"], said["event_id"]) == ("A book is overdue", "LOAN_DUE", str(event_id))
        assert said["message"] == "“Flatland” was due on 2026-12-21. Please bring it back."
        assert got.path == browser.endpoint.removeprefix(f"https://{HOST}")
        assert got.headers["content-encoding"] == "aes128gcm"
        assert 86_000 < int(got.headers["ttl"]) <= 86_400
        assert (got.headers["urgency"], got.headers["topic"]) == ("normal", said["tag"])
        assert len(said["tag"]) == 32
        sender = got.sender()
        assert (sender["sub"], sender["k"]) == ("mailto:luna@library.example", key.public)
        assert b"Flatland" not in got.body
        assert shown(reader.api)[0]["last_success_at"]
        assert letters.states() == [("SENT", None)]

    def test_what_a_robot_waits_for_is_urgent_and_short_lived(
        self, reader: Person, news: News, tell: Tell, letters: Letters, carrier: PushCarrier, push_service: PushService
    ) -> None:
        subscribe(reader.api)
        news(reader, "delivery.request.in_progress", aggregate="request:1")
        news(reader, "delivery.request.in_progress", aggregate="request:2")
        tell()
        letters.send(carrier)
        one, other = push_service.received
        assert (one.headers["urgency"], int(one.headers["ttl"]) <= 900) == ("high", True)
        assert one.headers["topic"] != other.headers["topic"], "each replaces what is about the same thing only"

    def test_each_browser_gets_it_and_one_that_fails_has_no_other_told_twice(
        self, reader: Person, news: News, tell: Tell, letters: Letters, carrier: PushCarrier, push_service: PushService
    ) -> None:
        browsers = [subscribe(reader.api)[0] for _ in range(3)]
        push_service.statuses["/fcm/send/" + browsers[0].endpoint.rpartition("/")[2]] = 503
        news(reader)
        tell()
        assert letters.send(carrier) == 3
        push_service.statuses.clear()
        letters.later()
        assert letters.send(carrier) == 1
        assert len(push_service.received) == 4
        assert letters.states() == [("SENT", None)] * 3

    @pytest.mark.parametrize("status", [404, 410])
    def test_a_browser_that_is_gone_is_forgotten(
        self, reader: Person, news: News, tell: Tell, letters: Letters, carrier: PushCarrier,
        push_service: PushService, status: int,
    ) -> None:  # fmt: skip
        subscribe(reader.api)
        push_service.status = status
        news(reader)
        tell()
        letters.send(carrier)
        assert shown(reader.api) == []
        assert letters.states() == [("DROPPED", f"the push service answered {status}")]

    def test_what_it_does_not_want_now_is_tried_when_it_says(
        self, reader: Person, news: News, tell: Tell, letters: Letters, carrier: PushCarrier, push_service: PushService
    ) -> None:
        subscribe(reader.api)
        push_service.status, push_service.headers = 429, {"Retry-After": "120"}
        news(reader)
        tell()
        letters.send(carrier)
        wait = "SELECT extract(epoch FROM due_at - now()) FROM notification_deliveries"
        ((seconds,),) = letters.rows(wait)
        assert 110 < seconds <= 120
        push_service.status = 201
        letters.later()
        letters.send(carrier)
        assert letters.states() == [("SENT", None)]

    @pytest.mark.parametrize("status", [400, 403, 413, 301])
    def test_what_it_will_never_want_is_not_tried_again(
        self, reader: Person, news: News, tell: Tell, letters: Letters, carrier: PushCarrier,
        push_service: PushService, status: int,
    ) -> None:  # fmt: skip
        subscribe(reader.api)
        push_service.status, push_service.headers = status, {"Location": "https://127.0.0.1/elsewhere"}
        news(reader)
        tell()
        letters.send(carrier)
        letters.later()
        assert letters.send(carrier) == 0
        assert letters.states() == [("FAILED", f"the push service answered {status}")]
        assert len(push_service.received) == 1, "nor is it followed elsewhere"

    def test_a_service_that_is_away_rests_and_is_tried_later(
        self, reader: Person, news: News, tell: Tell, letters: Letters, settings_with_key: Settings,
        push_service: PushService, authority: Any,
    ) -> None:  # fmt: skip
        now = [0.0]
        gone = PushService(authority)
        gone._server.server_close()
        carrier = PushCarrier(settings_with_key, Accounts(), gone.transport(), lambda: now[0])
        for _ in range(2):
            subscribe(reader.api)
        news(reader)
        tell()
        assert letters.send(carrier) == 2
        assert sorted(reason or "" for _, reason in letters.states()) == [
            "the push service cannot be used: ConnectError", "the push service was away a moment ago",
        ]  # fmt: skip
        assert sorted(letters.rows("SELECT attempts FROM notification_deliveries")) == [(0,), (1,)]
        now[0] = 60.0
        letters.later()
        assert letters.send(PushCarrier(settings_with_key, Accounts(), push_service.transport())) == 2
        assert {state for state, _ in letters.states()} == {"SENT"}

    def test_another_servers_certificate_is_not_taken(
        self, reader: Person, news: News, tell: Tell, letters: Letters, push_service: PushService,
        settings_with_key: Settings,
    ) -> None:  # fmt: skip
        other = settings_with_key.model_copy(update={"push_services": ("other.example",)})
        subscribe(reader.api)
        letters.run("UPDATE push_subscriptions SET endpoint = 'https://other.example/x'")
        news(reader)
        tell()
        letters.send(PushCarrier(other, Accounts(), push_service.transport(), lambda: 0.0))
        assert letters.states() == [("WAITING", "the push service cannot be used: ConnectError")]
        assert push_service.received == []


class TestNoLonger:
    """Whoever a browser no longer belongs to is not told in it."""

    @pytest.fixture
    def waits(self, reader: Person, news: News, tell: Tell) -> dict[str, Any]:
        """A subscription with a message that waits."""
        made = subscribe(reader.api)[1]
        news(reader)
        tell()
        return made

    def left(self, letters: Letters) -> int:
        ((count,),) = letters.rows("SELECT count(*) FROM push_subscriptions")
        return int(count)

    def test_who_logs_out_is_told_no_more(
        self, reader: Person, waits: Any, letters: Letters, carrier: PushCarrier, push_service: PushService
    ) -> None:
        data(reader.api.post("/auth/logout", {}))
        letters.send(carrier)
        assert letters.states() == [("DROPPED", "its user has logged out there")]
        assert (push_service.received, self.left(letters)) == ([], 0)

    def test_who_switches_it_off_is_told_no_more(
        self, reader: Person, waits: Any, letters: Letters, carrier: PushCarrier, push_service: PushService
    ) -> None:
        data(reader.api.put("/notifications/preferences", {"preferences": {"LOAN_DUE": {"push": False}}}))
        letters.send(carrier)
        assert letters.states() == [("DROPPED", "it was switched off")]
        assert (push_service.received, self.left(letters)) == ([], 1)

    def test_who_ends_it_is_told_no_more(
        self, reader: Person, waits: Any, letters: Letters, carrier: PushCarrier, push_service: PushService
    ) -> None:
        data(reader.api.delete(f"{PATH}/{waits['id']}"))
        letters.send(carrier)
        assert letters.states() == [("DROPPED", "the browser is subscribed no longer")]
        assert push_service.received == []

    def test_what_was_for_somebody_else_does_not_go_to_who_has_the_browser_now(
        self, reader: Person, library: Library, news: News, tell: Tell, letters: Letters, carrier: PushCarrier,
        push_service: PushService,
    ) -> None:  # fmt: skip
        browser, _ = subscribe(reader.api)
        news(reader)
        tell()
        subscribe(library.student().api, browser)
        letters.send(carrier)
        assert push_service.received == []

    @pytest.mark.parametrize(
        ("change", "why"),
        [("UPDATE push_subscriptions SET expires_at = now()", "the browser's subscription has expired"),
         ("UPDATE push_subscriptions SET server_key = 'old'", "it was made for another LUNA_PUSH_KEY")],
    )  # fmt: skip
    def test_what_no_service_would_take_is_forgotten(
        self, waits: Any, letters: Letters, carrier: PushCarrier, change: str, why: str
    ) -> None:
        letters.run(change)
        letters.send(carrier)
        assert (letters.states(), self.left(letters)) == ([("DROPPED", why)], 0)

    def test_a_service_that_is_allowed_no_longer(
        self, waits: Any, letters: Letters, settings_with_key: Settings, push_service: PushService
    ) -> None:
        other = settings_with_key.model_copy(update={"push_services": ("push.example",)})
        letters.send(PushCarrier(other, Accounts(), push_service.transport()))
        ((state, why),) = letters.states()
        assert state == "DROPPED" and why is not None and "push.example" in why
        assert push_service.received == []

    def test_without_a_key_nothing_is_sent(self, waits: Any, letters: Letters, settings: Settings) -> None:
        letters.send(PushCarrier(settings, Accounts()))
        assert letters.states() == [("DROPPED", "LUNA_PUSH_KEY is not set")]


def test_long_titles_are_cut_so_that_every_service_takes_them(
    reader: Person, news: News, tell: Tell, letters: Letters, carrier: PushCarrier, push_service: PushService
) -> None:
    browser, _ = subscribe(reader.api)
    news(reader, book_title="\x01“䷀" * 3000)
    tell()
    letters.send(carrier)
    (got,) = push_service.received
    assert len(browser.decrypt(got.body)) <= MOST_BYTES and len(got.body) <= 4096
    assert got.message(browser)["message"].endswith("…")


def test_the_browser_of_these_tests_reads_the_example_of_the_standard() -> None:
    """RFC 8291, appendix A."""
    private = int.from_bytes(from_base64url("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    browser = Browser(
        private=ec.derive_private_key(private, ec.SECP256R1()), auth=from_base64url("BTBZMqHH6r4Tts7J_aSIgg")
    )
    body = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3"
        "jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert browser.decrypt(from_base64url(body)) == b"When I grow up, I want to be a watermelon"
