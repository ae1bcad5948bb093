"""The pure parts: nothing missed and nothing twice, whatever overtakes what."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from luna_web.notification.live import frames
from luna_web.notification.live.audiences import addressed
from luna_web.notification.live.channels import Channel, UnknownChannel
from luna_web.notification.live.cursors import BadCursor, Cursor
from luna_web.notification.live.hub import Hub, Read
from luna_web.notification.live.liveness import Allowance, Liveness, Sign
from luna_web.notification.live.origins import is_welcome
from luna_web.notification.live.outgoing import Outgoing, Overflow
from luna_web.notification.live.positions import PHASES, Position, Positions, packed, unpacked
from luna_web.notification.live.subscription import Subscription

ID = "01a213a6-8234-7966-886e-88e4e4b7219f"


class TestNames:
    @pytest.mark.parametrize("name", ["me", "robots", "queue", "catalog", f"delivery:{ID}", f"robot:{ID}"])
    def test_of_channels(self, name: str) -> None:
        assert Channel.named(name).name == name

    def test_in_capitals_are_answered_in_small(self) -> None:
        assert Channel.named(f"delivery:{ID.upper()}").name == f"delivery:{ID}"

    @pytest.mark.parametrize(
        "name",
        ["", "you", "me:", f"me:{ID}", "delivery", "delivery:", "delivery:1", "robot:x:y", f"robot:{{{ID}}}",
         f"robot:urn:uuid:{ID}", "robot:" + ID.replace("-", "")],
    )  # fmt: skip
    def test_of_none(self, name: str) -> None:
        with pytest.raises(UnknownChannel, match="channels are me, delivery:<id>"):
            Channel.named(name)

    @given(st.text(max_size=100))
    def test_a_cursor_is_read_as_it_was_written_or_not_at_all(self, text: str) -> None:
        try:
            cursor = Cursor.parse(text)
        except BadCursor:
            return
        assert Cursor.parse(str(cursor)) == cursor


class TestOrigins:
    @pytest.mark.parametrize(
        ("origin", "host", "welcome"),
        [
            (None, "luna.example.org", True),
            ("https://luna.example.org", "web:8000", True),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
            ("http://127.0.0.1:8081", "127.0.0.1:8080", False),
            ("https://luna.example.org.evil.example", "luna.example.org", False),
            ("null", "luna.example.org", False),
            ("null", "", False),
            ("", "", False),
            ("https://[", "luna.example.org", False),
        ],
    )
    def test_pages_of_our_own_and_programs(self, origin: str | None, host: str, welcome: bool) -> None:
        assert is_welcome(origin, host, {"https://luna.example.org"}) is welcome


class TestAudiences:
    def test_a_delivery_is_told_to_everybody_whom_it_concerns_once(self) -> None:
        payload = {"task_id": "t", "robot_id": "r", "user_id": "u"}
        topics = [one.topic for one in addressed("delivery.task.assigned", payload)]
        assert topics == ["queue", "delivery:t", "robot:r", "me:u"]

    def test_readers_are_shown_no_barcodes(self) -> None:
        payload = {"book_id": "b", "copy_id": "c", "barcode": "123", "status": "RESERVED", "status_reason": "LOST"}
        (catalog,) = addressed("catalog.book.copy_updated", payload)
        assert (catalog.topic, catalog.payload) == (
            "catalog",
            {"book_id": "b", "copy_id": "c", "status": "RESERVED"},
        )

    def test_mails_are_nobodys_to_see(self) -> None:
        assert addressed("auth.mail.reset", {"user_id": "u", "email": "e"}) == []


class TestOutgoing:
    def test_events_in_order_before_positions_of_which_the_newest_counts(self) -> None:
        outgoing = Outgoing(10, 1000)
        outgoing.put_state("robots", "old")
        outgoing.put("one")
        outgoing.put_state("robots", "new")
        outgoing.put("two")
        assert [outgoing.take() for _ in range(4)] == ["one", "two", "new", None]

    def test_signs_of_life_pass_a_backlog_by_and_are_not_piled_up(self) -> None:
        outgoing = Outgoing(2, 1000)
        outgoing.put("one")
        outgoing.put("two")
        for _ in range(3):
            outgoing.put_sign(frames.PING)
        assert [outgoing.take() for _ in range(4)] == [frames.PING, "one", "two", None]

    def test_one_frame_of_any_size_and_no_more_than_fits(self) -> None:
        outgoing = Outgoing(10, 100)
        outgoing.put("x" * 1000)
        with pytest.raises(Overflow):
            outgoing.put("y")
        outgoing.take()
        outgoing.put("y")

    @given(st.lists(st.one_of(st.integers(0, 60), st.none()), max_size=80))
    def test_never_more_than_its_bounds_and_never_out_of_order(self, script: list[int | None]) -> None:
        """A number puts a frame of that length, None takes one."""
        outgoing, model = Outgoing(5, 100), list[str]()
        for number, size in enumerate(script):
            if size is None:
                assert outgoing.take() == (model.pop(0) if model else None)
                continue
            frame = f"{number}:".ljust(size, "x")
            fits = not model or (len(model) < 5 and sum(map(len, model)) + len(frame) <= 100)
            try:
                outgoing.put(frame)
                model.append(frame)
                assert fits
            except Overflow:
                assert not fits


class TestLiveness:
    def test_a_ping_every_twenty_seconds_and_the_end_after_fortyfive_of_silence(self) -> None:
        life = Liveness(heard_at=0.0, pinged_at=0.0)
        signs = [(second, life.look(float(second))) for second in range(50)]
        assert [second for second, sign in signs if sign is Sign.PING] == [20, 40]
        assert next(second for second, sign in signs if sign is Sign.SILENT) == 46

    @given(st.lists(st.floats(0, 3), max_size=200))
    def test_no_more_messages_than_the_rate_and_the_burst_allow(self, pauses: list[float]) -> None:
        allowance, now, taken = Allowance.full(2.0, 5.0, 0.0), 0.0, 0
        for pause in pauses:
            now += pause
            taken += allowance.take(now)
        assert taken <= 5 + 2 * now + 1e-6


def position(robot: str, stamp: float, delivery: str = "") -> Position:
    return Position(robot, stamp, delivery, f'{{"robot_id":"{robot}"}}', f'{{"robot_id":"{robot}","at":{stamp}}}')


class Shown:
    """A socket that takes everything."""

    def __init__(self, phase: int = 0) -> None:
        self.phase = phase
        self.frames: list[str] = []
        self.states: list[tuple[str, str]] = []
        self.slow = False
        self.reopened: list[Subscription] = []

    def send(self, frame: str) -> None:
        self.frames.append(frame)

    def send_state(self, channel: str, frame: str) -> None:
        self.states.append((channel, frame))

    def too_slow(self) -> None:
        self.slow = True

    def reopen(self, subscription: Subscription) -> None:
        self.reopened.append(subscription)


def live_on(hub: Hub, channel: str, socket: Shown) -> Subscription:
    subscription = Subscription(channel, channel, None)
    hub.join(subscription, socket).starts_at(Cursor("r", 0))
    subscription.placed(Cursor("r", 0))
    subscription.opened()
    return subscription


class TestPositions:
    def test_one_frame_a_tick_with_the_newest_of_every_robot(self) -> None:
        hub, positions, socket = Hub(), Positions(), Shown()
        live_on(hub, "robots", socket)
        for tenth in range(10):
            positions.hear([position("a", tenth), position("b", tenth)], 0.0)
        positions.tick(hub, 0, 1.0)
        positions.tick(hub, 0, 2.0)
        assert socket.states == [
            ("robots", '{"op":"state","channel":"robots","payload":{"robots":[{"robot_id":"a"},{"robot_id":"b"}]}}')
        ]

    def test_each_phase_is_shown_by_itself(self) -> None:
        hub, positions = Hub(), Positions()
        sockets = [Shown(phase) for phase in range(PHASES)]
        for socket in sockets:
            live_on(hub, "robots", socket)
        positions.hear([position("a", 1)], 0.0)
        for phase in range(PHASES):
            positions.tick(hub, phase, 0.0)
        assert [len(socket.states) for socket in sockets] == [1] * PHASES

    def test_an_older_one_by_another_way_changes_nothing(self) -> None:
        hub, positions, socket = Hub(), Positions(), Shown()
        live_on(hub, f"robot:{ID}", socket)
        positions.hear([position(ID, 2.0)], 0.0)
        positions.hear([position(ID, 1.0), position(ID, 2.0)], 0.0)
        positions.tick(hub, 0, 0.0)
        assert [frame for _, frame in socket.states] == [
            f'{{"op":"state","channel":"robot:{ID}","payload":{{"robot_id":"{ID}","at":2.0}}}}'
        ]

    def test_a_delivery_shows_the_robot_that_carries_it_out_and_no_other(self) -> None:
        hub, positions, socket = Hub(), Positions(), Shown()
        live_on(hub, f"delivery:{ID}", socket)
        positions.hear([position("a", 1, ID), position("b", 1, "another"), position("c", 1)], 0.0)
        positions.tick(hub, 0, 0.0)
        positions.hear([position("a", 2)], 0.1)
        positions.tick(hub, 0, 0.2)
        assert [frame for _, frame in socket.states] == [
            f'{{"op":"state","channel":"delivery:{ID}","payload":{{"robot_id":"a","at":1}}}}'
        ]

    def test_robots_that_are_not_heard_any_more_are_left_out(self) -> None:
        hub, positions, socket = Hub(), Positions(), Shown()
        live_on(hub, "robots", socket)
        positions.hear([position("a", 1)], 0.0)
        positions.hear([position("b", 1)], 61.0)
        positions.tick(hub, 0, 61.0)
        assert '"a"' not in socket.states[0][1]

    def test_they_travel_as_they_are(self) -> None:
        several = [position("a", 1.5, ID), position("b", 2.5)]
        assert unpacked(packed(several)) == several


class Following(RuleBasedStateMachine):
    """One topic of one process, its Redis and its sockets.

    Redis numbers events; what it publishes arrives later, or never when the connection breaks. Subscriptions are
    opened in steps that anything may come between. What each socket got is compared with what happened: from its
    snapshot on every event, once, in order, with a new snapshot wherever it was restarted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub()
        self.run, self.kept = "a", list[int]()
        self.head = 0
        self.happened = 0
        self.on_the_way: list[tuple[Cursor, int]] = []
        self.connected = True
        self.generation = 0
        self.bodies: dict[tuple[str, int], int] = {}
        self.sockets: list[Shown] = []
        self.subscriptions: dict[Shown, Subscription] = {}
        self.reading: dict[Shown, tuple[int, int, Read, int]] = {}
        self.placed: dict[Shown, int] = {}

    def read(self, after: Cursor | None) -> Read:
        head = Cursor(self.run, self.head)
        if after is None or after.run != self.run or after.number > self.head:
            return Read(head, None)
        wanted = range(after.number + 1, self.head + 1)
        if any(number not in self.kept for number in wanted):
            return Read(head, None)
        return Read(head, [(number, f'{{"n":{self.bodies[self.run, number]}}}') for number in wanted])

    @rule()
    def something_happens(self) -> None:
        self.happened += 1
        self.head += 1
        self.kept.append(self.head)
        self.bodies[self.run, self.head] = self.happened
        if self.connected:
            self.on_the_way.append((Cursor(self.run, self.head), self.happened))

    @rule()
    def it_arrives(self) -> None:
        if self.on_the_way:
            cursor, number = self.on_the_way.pop(0)
            self.hub.arrives("queue", cursor, f'{{"n":{number}}}')

    @rule()
    def one_is_lost_on_the_way(self) -> None:
        """No connection of Redis does that; whoever follows by number would notice with the next one."""
        if self.on_the_way:
            self.on_the_way.pop(0)

    @rule()
    def the_stream_is_trimmed(self) -> None:
        self.kept = self.kept[-2:]

    @precondition(lambda self: self.connected)
    @rule(lost=st.integers(0, 3))
    def the_connection_breaks(self, lost: int) -> None:
        del self.on_the_way[max(0, len(self.on_the_way) - lost) :]
        while self.on_the_way:
            self.it_arrives()
        self.connected = False
        self.generation += 1
        self.hub.all_behind()

    @precondition(lambda self: not self.connected)
    @rule()
    def it_is_back(self) -> None:
        self.connected = True
        self.hub.all_behind()

    @precondition(lambda self: not self.connected)
    @rule()
    def redis_is_lost(self) -> None:
        self.run, self.kept = self.run + "a", []

    @precondition(lambda self: self.connected)
    @rule()
    def it_catches_up(self) -> None:
        """As the feed does it: again while it is behind, which nothing but what really happens may keep it."""
        topic = self.hub.topic("queue")
        for _ in range(2):
            if topic is None or not topic.behind:
                return
            for subscription in topic.caught_up(self.read(topic.last)):
                socket = topic.members[subscription]
                assert isinstance(socket, Shown)
                socket.frames.append("restarted")
        assert topic is None or not topic.behind

    @precondition(lambda self: len(self.sockets) < 3)
    @rule()
    def somebody_subscribes(self) -> None:
        socket = Shown()
        self.sockets.append(socket)
        self.subscriptions[socket] = Subscription("queue", "queue", None)
        self.hub.join(self.subscriptions[socket], socket)

    @precondition(lambda self: self.connected)
    @rule(data=st.data())
    def a_cursor_is_read(self, data: st.DataObject) -> None:
        waiting = [s for s, sub in self.subscriptions.items() if sub.stage == "OPENING" and s not in self.reading]
        if waiting:
            socket = data.draw(st.sampled_from(waiting))
            self.reading[socket] = self.generation, self.subscriptions[socket].lap, self.read(None), self.happened

    @rule(data=st.data())
    def its_answer_comes(self, data: st.DataObject) -> None:
        if not self.reading:
            return
        socket = data.draw(st.sampled_from(list(self.reading)))
        generation, lap, read, happened = self.reading.pop(socket)
        subscription = self.subscriptions[socket]
        if not self.connected or (generation, lap) != (self.generation, subscription.lap):
            return
        topic = self.hub.topic("queue")
        assert topic is not None
        if not subscription.connects(read.head, topic.last):
            return
        topic.starts_at(read.head)
        subscription.placed(read.head)
        self.placed[socket] = happened

    @rule(data=st.data())
    def a_snapshot_is_read(self, data: st.DataObject) -> None:
        placed = [s for s, sub in self.subscriptions.items() if sub.stage == "PLACED"]
        if placed:
            socket = data.draw(st.sampled_from(placed))
            marker = f"snapshot {self.placed[socket]} {self.happened}"
            socket.frames += [marker, *self.subscriptions[socket].opened()]

    @invariant()
    def nothing_is_missed_and_nothing_comes_twice(self) -> None:
        for socket in self.sockets:
            known: int | None = None
            for frame in socket.frames:
                if frame == "restarted":
                    known = None
                elif frame.startswith("snapshot"):
                    known = int(frame.split()[1])  # events follow its cursor, even those that it shows already
                else:
                    number = int(frame.rpartition(":")[2].rstrip("}"))
                    assert known is not None, "an event before the snapshot"
                    assert number == known + 1, socket.frames
                    known = number

    @invariant()
    def when_all_is_quiet_everybody_knows_everything(self) -> None:
        topic = self.hub.topic("queue")
        if topic is None or topic.behind or not self.connected or self.on_the_way:
            return
        for socket, subscription in self.subscriptions.items():
            if subscription.live and topic.last == Cursor(self.run, self.head):
                told = [f for f in socket.frames if f != "restarted"][-1]
                assert int(told.rpartition(":")[2].rpartition(" ")[2].rstrip("}")) == self.happened


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)


def test_a_cursor_that_what_arrived_does_not_follow_is_read_again() -> None:
    hub, subscription = Hub(), Subscription("queue", "queue", None)
    hub.join(subscription, Shown())
    hub.arrives("queue", Cursor("r", 2), "{}")
    assert not subscription.connects(Cursor("r", 0), None), "the first one is missing"
    assert subscription.connects(Cursor("r", 2), None)
    hub.arrives("queue", Cursor("r", 3), "{}")
    assert subscription.connects(Cursor("r", 2), None)
    assert not subscription.connects(Cursor("s", 1), None), "the run is another"


@pytest.mark.parametrize("arrives", [0, 1])
def test_a_cursor_that_another_one_has_overtaken_is_read_again(arrives: int) -> None:
    """Two screens open a channel at once; two things happen between their looks at it, and the later look counts."""
    hub, early, late = Hub(), Subscription("queue", "queue", None), Subscription("queue", "queue", None)
    topic = hub.join(early, Shown())
    hub.join(late, Shown())
    for number in range(1, arrives + 1):
        hub.arrives("queue", Cursor("r", number), "{}")
    assert late.connects(Cursor("r", 2), topic.last)
    topic.starts_at(Cursor("r", 2))
    hub.arrives("queue", Cursor("r", 2), "{}")

    assert not early.connects(Cursor("r", 0), topic.last), "the second one did not arrive, being old by then"
    assert early.connects(Cursor("r", 2), topic.last)


def test_what_arrived_of_a_run_that_is_gone_does_not_keep_a_topic_behind() -> None:
    """Redis broke off, came back, was lost with all it held: events of its old run still wait to be handled."""
    hub, socket = Hub(), Shown()
    live_on(hub, "queue", socket)
    (topic,) = hub.all_behind()
    hub.arrives("queue", Cursor("r", 5), '{"n":5}')

    assert len(topic.caught_up(Read(Cursor("s", 1), None))) == 1
    assert not topic.behind
    assert topic.last == Cursor("s", 1)


def test_a_cursor_that_was_read_before_a_restart_counts_no_more() -> None:
    hub, quick, slow = Hub(), Shown(), Shown()
    live_on(hub, "queue", quick)
    opening = Subscription("queue", "queue", None)
    topic, lap = hub.join(opening, slow), opening.lap

    hub.arrives("queue", Cursor("r", 5), '{"n":5}')
    restarted = topic.caught_up(Read(Cursor("r", 5), None))

    assert opening in restarted
    assert opening.lap != lap


class TestSlowReaders:
    def test_delay_nobody(self) -> None:
        class Full(Shown):
            def send(self, frame: str) -> None:
                raise Overflow

        hub, slow, quick = Hub(), Full(), Shown()
        for socket in (slow, quick):
            live_on(hub, "queue", socket)
        hub.arrives("queue", Cursor("r", 1), '{"n":1}')
        assert slow.slow
        assert quick.frames == ['{"op":"event","channel":"queue","cursor":"r:1","n":1}']

    def test_what_waits_for_a_snapshot_is_bounded_too(self) -> None:
        hub, socket = Hub(), Shown()
        subscription = Subscription("queue", "queue", None, most_waiting=3)
        hub.join(subscription, socket)
        for number in range(1, 6):
            hub.arrives("queue", Cursor("r", number), "{}")
        assert socket.slow


def test_frames_are_written_as_their_models_say() -> None:
    cursor = Cursor("r", 1)
    assert frames.Subscribed.model_validate_json(frames.subscribed("me", cursor, '{"a":1}')).snapshot == {"a": 1}
    assert frames.Subscribed.model_validate_json(frames.subscribed("me", cursor)).snapshot is None
    assert frames.Resync.model_validate_json(frames.resync("me")).channel == "me"
    assert frames.State.model_validate_json(frames.state("robots", '{"robots":[]}')).payload == {"robots": []}
