"""The Python client's side of the protocol, without a server."""

import json
from typing import Any

import pytest

from luna_client import Event, Positions, Refused, Snapshot
from luna_client.client import websocket_url
from luna_client.pauses import Pauses, renewal_after
from luna_client.protocol import MOST_REMEMBERED, Protocol


def event(cursor: str, channel: str = "me", event_id: str = "", **payload: Any) -> str:
    return json.dumps(
        {"op": "event", "channel": channel, "cursor": cursor, "eventId": event_id or cursor,
         "eventType": "delivery.loan.opened", "timestamp": "2026-01-01T00:00:00Z", "source": "s",
         "payload": {"version": 3, **payload}}
    )  # fmt: skip


def subscribed(cursor: str, channel: str = "me", **more: Any) -> str:
    return json.dumps({"op": "subscribed", "channel": channel, "cursor": cursor, **more})


def test_a_snapshot_then_events_each_once() -> None:
    protocol = Protocol(["me"])
    assert protocol.connected() == ['{"op":"subscribe","channels":["me"]}']
    assert protocol.receive(subscribed("r:4", snapshot={"a": 1})).tell == Snapshot("me", {"a": 1}, resynced=False)
    told = protocol.receive(event("r:5")).tell
    assert isinstance(told, Event)
    assert (told.version, told.cursor) == (3, "r:5")
    assert protocol.receive(event("r:5")).tell is None


def test_the_next_connection_resumes() -> None:
    protocol = Protocol(["me", "queue"])
    protocol.receive(subscribed("r:4", snapshot={}))
    protocol.receive(event("r:5"))
    assert protocol.connected() == ['{"op":"subscribe","channels":["me","queue"],"cursors":{"me":"r:5"}}']
    assert protocol.receive(subscribed("r:5")).tell is None


def test_a_resync_is_told_and_another_run_counts_anew() -> None:
    protocol = Protocol(["me"])
    protocol.receive(subscribed("r:400", snapshot={}))
    protocol.receive('{"op":"resync","channel":"me"}')
    assert protocol.receive(subscribed("s:1", snapshot={})).tell == Snapshot("me", {}, resynced=True)
    assert protocol.receive(event("s:2")).tell is not None


def test_what_a_lost_redis_had_told_is_not_told_again_by_the_next() -> None:
    protocol = Protocol(["me"])
    protocol.receive(subscribed("r:4", snapshot={}))
    assert protocol.receive(event("r:5", event_id="one")).tell is not None
    protocol.receive('{"op":"resync","channel":"me"}')
    protocol.receive(subscribed("s:1", snapshot={}))
    assert protocol.receive(event("s:2", event_id="one")).tell is None
    assert protocol.receive(event("s:3", event_id="two")).tell is not None
    assert protocol.cursors == {"me": "s:3"}


def test_ids_are_remembered_for_as_long_as_they_could_come_again() -> None:
    protocol = Protocol(["me"])
    protocol.receive(subscribed("r:0", snapshot={}))
    for number in range(1, MOST_REMEMBERED + 2):
        assert protocol.receive(event(f"r:{number}", event_id=str(number))).tell is not None
    protocol.receive(subscribed("s:0", snapshot={}))
    assert protocol.receive(event("s:1", event_id="2")).tell is None
    assert protocol.receive(event("s:2", event_id="1")).tell is not None


def test_what_is_refused_is_not_asked_for_again() -> None:
    protocol = Protocol(["queue", "me"])
    refusal = '{"op":"error","code":"FORBIDDEN","message":"no","channel":"queue"}'
    assert protocol.receive(refusal).tell == Refused("queue", "FORBIDDEN", "no")
    assert protocol.connected() == ['{"op":"subscribe","channels":["me"]}']


def test_channels_come_and_go_a_hundred_a_message() -> None:
    protocol = Protocol()
    names = [f"delivery:{number}" for number in range(150)]
    assert [len(json.loads(text)["channels"]) for text in protocol.subscribe(names)] == [100, 50]
    assert protocol.subscribe(names[:3]) == []
    assert json.loads(protocol.unsubscribe(["delivery:1", "me"])[0])["channels"] == ["delivery:1"]
    assert protocol.receive(event("r:1", "delivery:1")).tell is None


def test_pings_positions_later_operations_and_nonsense() -> None:
    protocol = Protocol(["robots"])
    assert protocol.receive('{"op":"ping"}').answer == '{"op":"pong"}'
    state = '{"op":"state","channel":"robots","payload":{"robots":[]}}'
    assert protocol.receive(state).tell is None  # no snapshot yet: it is of a subscription that was given up
    protocol.receive(subscribed("r:1", "robots", snapshot={}))
    assert protocol.receive(state).tell == Positions("robots", {"robots": []})
    assert protocol.receive('{"op":"dance"}').tell is None
    for nonsense in ("{", "[]", '{"op":"event"}', '{"op":"error"}'):
        with pytest.raises(ValueError, match=r"."):
            protocol.receive(nonsense)


def test_nothing_comes_before_the_snapshot() -> None:
    """Left and asked for again at once: the server's last words of the first time are still on their way."""
    protocol = Protocol(["queue"])
    protocol.receive(subscribed("r:4", "queue", snapshot={}))
    protocol.unsubscribe(["queue"])
    protocol.subscribe(["queue"])
    assert protocol.receive(event("r:5", "queue")).tell is None
    assert protocol.receive(subscribed("r:5", "queue", snapshot={})).tell is not None
    assert protocol.receive(event("r:6", "queue")).tell is not None


def test_names_in_capitals_are_the_servers_names_in_small() -> None:
    protocol = Protocol(["delivery:0A-B"])
    assert protocol.subscribe(["delivery:0a-B"]) == []
    assert protocol.receive(subscribed("r:1", "delivery:0a-b", snapshot={})).tell is not None
    assert len(protocol.unsubscribe(["delivery:0A-b"])) == 1


class TestPauses:
    def test_they_grow_while_connections_are_of_no_use_or_do_not_last(self) -> None:
        pauses = Pauses()
        waits = [pauses.after(lasted, None, 1.0) for lasted in (0.0, 0.0, 9.0, 1.0, 0.0, 0.0, 0.0, 0.0)]
        assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]

    def test_after_one_that_lasted_the_next_is_short_again(self) -> None:
        pauses = Pauses(8.0)
        assert pauses.after(60.0, 1006, 0.0) == 0.125
        assert pauses.after(0.0, None, 0.0) == 0.25

    def test_who_is_sent_away_with_all_others_comes_back_spread_over_two_seconds(self) -> None:
        assert [Pauses().after(60.0, 1012, chance) for chance in (0.0, 0.5, 1.0)] == [0.125, 1.125, 2.125]


def test_a_token_is_renewed_a_minute_before_its_end_at_half_a_short_life_and_never_at_once() -> None:
    """By what the server says, whose clock may be another one than ours."""
    frame = {"op": "authenticated", "user_id": "u", "role": "ADMIN", "expires_at": "2001-01-01T00:00:00Z"}
    assert Protocol().receive(json.dumps({**frame, "expires_in": 60.5})).expires_in == 60.5
    assert [renewal_after(left) for left in (3600, 60, 0, -1)] == [3540, 30, 1, 1]


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("https://luna.example.org", "wss://luna.example.org/api/v1/notifications/ws"),
        ("http://127.0.0.1:8000/", "ws://127.0.0.1:8000/api/v1/notifications/ws"),
        ("wss://h/x/ws", "wss://h/x/ws"),
    ],
)
def test_addresses(server: str, url: str) -> None:
    assert websocket_url(server) == url


@pytest.mark.parametrize("server", ["ftp://h", "luna.example.org", "https://h?token=x"])
def test_addresses_that_are_none(server: str) -> None:
    with pytest.raises(ValueError, match="an address looks like"):
        websocket_url(server)
