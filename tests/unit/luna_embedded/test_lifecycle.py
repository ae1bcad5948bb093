"""How parts live: what starts when, what a death leads to, in which order all ends."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from luna_embedded.supervision.lifecycle import (
    ALIVE,
    Action,
    Fleet,
    Kill,
    Launch,
    Patience,
    Phase,
    Rules,
    Terminate,
)

CHAIN = {
    "database": Rules(start_deadline=10, stop_deadline=5),
    "migrate": Rules(needs=frozenset({"database"}), one_shot=True),
    "web": Rules(needs=frozenset({"migrate"}), stop_deadline=5),
}


def running_chain() -> Fleet:
    fleet = Fleet(CHAIN)
    fleet.tick(0)
    fleet.ready("database", 1)
    fleet.exited("migrate", 2, code=0, why="")
    fleet.ready("web", 3)
    assert fleet.is_up
    return fleet


def test_a_part_starts_only_when_all_that_it_needs_serves() -> None:
    fleet = Fleet(CHAIN)

    assert fleet.tick(0) == [Launch("database")]
    assert fleet.tick(1) == []
    assert fleet.ready("database", 2) == [Launch("migrate")]
    assert fleet.exited("migrate", 3, code=0, why="") == [Launch("web")]


def test_parts_that_need_nothing_start_together() -> None:
    fleet = Fleet({"one": Rules(), "two": Rules()})

    assert fleet.tick(0) == [Launch("one"), Launch("two")]


def test_a_one_shot_that_fails_is_tried_again_and_holds_the_others_back() -> None:
    fleet = Fleet(CHAIN, Patience(first_pause=0.25))
    fleet.tick(0)
    fleet.ready("database", 1)

    assert fleet.exited("migrate", 2, code=1, why="exit code 1") == []
    assert fleet.lives["web"].phase is Phase.WAITING
    assert fleet.tick(2.25) == [Launch("migrate")]


def test_a_part_that_served_long_is_started_again_at_once_and_alone() -> None:
    fleet = running_chain()

    assert fleet.exited("database", 100, code=-9, why="killed") == [Launch("database")]
    assert fleet.lives["web"].phase is Phase.READY
    assert fleet.lives["database"].restarts == 1


def test_quick_deaths_are_answered_with_longer_and_longer_pauses() -> None:
    patience = Patience(first_pause=0.25, longest_pause=10)

    assert [patience.pause(deaths) for deaths in (0, 1, 2, 3, 6, 7, 100)] == [0, 0.25, 0.5, 1, 8, 10, 10]


def test_a_part_that_was_never_ready_is_given_up_early() -> None:
    fleet = Fleet({"web": Rules()}, Patience(first_tries=3))
    now = 0.0
    fleet.tick(now)
    for _ in range(3):
        fleet.exited("web", now, code=1, why="exit code 1: no module")
        now += 60
        fleet.tick(now)

    assert fleet.given_up == ["web"]
    assert fleet.lives["web"].why == "exit code 1: no module"


def test_the_others_go_on_when_one_is_given_up() -> None:
    fleet = Fleet({"web": Rules(), "sim": Rules()}, Patience(first_tries=1))
    fleet.tick(0)
    fleet.ready("sim", 1)

    assert fleet.exited("web", 2, code=1, why="") == []
    assert fleet.lives["sim"].phase is Phase.READY


def test_a_part_that_once_served_is_given_up_only_after_many_quick_deaths() -> None:
    fleet = Fleet({"web": Rules()}, Patience(tries=5, quick=5))
    fleet.tick(0)
    now = 1.0
    for death in range(5):
        assert fleet.given_up == [], f"after {death} deaths"
        fleet.ready("web", now)
        fleet.exited("web", now + 1, code=-9, why="killed")
        now += 60
        fleet.tick(now)

    assert fleet.given_up == ["web"]


def test_a_long_life_makes_up_for_quick_deaths() -> None:
    fleet = Fleet({"web": Rules()}, Patience(tries=2, quick=5))
    fleet.tick(0)
    for now in (10.0, 30.0, 50.0, 70.0):
        fleet.ready("web", now)
        fleet.exited("web", now + 10, code=-9, why="killed")
        fleet.tick(now + 10)

    assert fleet.given_up == []


def test_a_part_that_is_not_ready_in_time_is_killed_and_tried_again() -> None:
    fleet = Fleet({"database": Rules(start_deadline=10)})
    fleet.tick(0)

    assert fleet.tick(10) == [Kill("database")]
    fleet.exited("database", 10.1, code=-9, why="killed by SIGKILL")
    assert fleet.lives["database"].why == "not ready after 10 s"
    assert fleet.tick(11) == [Launch("database")]


def test_everything_stops_in_reverse_order() -> None:
    fleet = running_chain()

    assert fleet.shut_down(10) == [Terminate("web")]
    assert fleet.lives["database"].phase is Phase.READY
    assert fleet.exited("web", 11, code=0, why="") == [Terminate("database")]
    assert not fleet.is_over
    fleet.exited("database", 12, code=0, why="")
    assert fleet.is_over


def test_a_part_that_does_not_end_in_time_is_killed() -> None:
    fleet = running_chain()
    fleet.shut_down(10)

    assert fleet.tick(14.9) == []
    assert fleet.tick(15) == [Kill("web")]


def test_a_part_that_a_person_stopped_stays_stopped_until_they_start_it() -> None:
    fleet = running_chain()

    assert fleet.stop("database", 10) == [Terminate("database")]
    fleet.exited("database", 11, code=0, why="")
    assert fleet.tick(1000) == []
    assert fleet.lives["web"].phase is Phase.READY
    assert fleet.start("database", 1001) == [Launch("database")]


def test_a_stop_that_hits_a_pause_between_two_tries_ends_the_tries() -> None:
    fleet = running_chain()
    fleet.exited("web", 4, code=1, why="")

    assert fleet.stop("web", 4.1) == []
    assert fleet.tick(1000) == []


def test_a_restart_waits_for_the_end_before_the_new_beginning() -> None:
    fleet = running_chain()

    assert fleet.restart("web", 10) == [Terminate("web")]
    assert fleet.exited("web", 11, code=0, why="") == [Launch("web")]


def test_starting_forgives_a_part_that_was_given_up() -> None:
    fleet = Fleet({"web": Rules()}, Patience(first_tries=1))
    fleet.tick(0)
    fleet.exited("web", 1, code=1, why="")

    assert fleet.start("web", 2) == [Launch("web")]


def test_a_death_during_shutdown_starts_nothing() -> None:
    fleet = running_chain()
    fleet.shut_down(10)
    fleet.exited("database", 10.5, code=-9, why="killed")
    fleet.exited("web", 11, code=0, why="")

    assert fleet.tick(1000) == []
    assert fleet.is_over


def test_once_everything_stops_orders_for_single_parts_no_longer_count() -> None:
    fleet = running_chain()
    fleet.shut_down(10)

    assert fleet.stop("database", 11) == fleet.start("web", 11) == fleet.restart("database", 11) == []


NAMES = ("a", "b", "c", "d")


class FleetMachine(RuleBasedStateMachine):
    """Parts with random needs, random deaths and orders; the test plays the processes."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        rules = {
            name: Rules(
                needs=data.draw(st.frozensets(st.sampled_from(NAMES[:index]))) if index else frozenset(),
                one_shot=data.draw(st.booleans()),
            )
            for index, name in enumerate(NAMES)
        }
        self.now = 0.0
        self.alive: set[str] = set()
        self.asked: set[str] = set()
        self.served: set[str] = set()
        self.fleet = Fleet(rules, Patience(first_tries=3, tries=4))
        self.play(self.fleet.tick(self.now))

    def play(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Launch(name):
                    assert name not in self.alive, "two processes of one part"
                    assert not self.fleet.shutting_down, "started while everything stops"
                    if name not in self.served:
                        assert self.fleet.rules[name].needs <= self.served, "started before what it needs"
                    self.alive.add(name)
                case Terminate(name) | Kill(name):
                    assert name in self.alive, "signal to a part without a process"
                    self.asked.add(name)
                    if self.fleet.shutting_down and isinstance(action, Terminate):
                        users = {other for other in self.alive - {name} if name in self.needs_of(other)}
                        assert not users, "stopped while it was still needed"

    def needs_of(self, name: str) -> set[str]:
        direct = self.fleet.rules[name].needs
        return set(direct).union(*(self.needs_of(need) for need in direct))

    @rule(seconds=st.floats(0, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.play(self.fleet.tick(self.now))

    @rule(name=st.sampled_from(NAMES))
    def says_ready(self, name: str) -> None:
        if name in self.alive:
            if self.fleet.lives[name].phase is Phase.STARTING and not self.fleet.rules[name].one_shot:
                self.served.add(name)
            self.play(self.fleet.ready(name, self.now))

    @rule(name=st.sampled_from(NAMES), code=st.sampled_from([0, 1, -9]))
    def dies(self, name: str, code: int) -> None:
        if name in self.alive:
            self.alive.discard(name)
            self.asked.discard(name)
            stopping = self.fleet.lives[name].phase is Phase.STOPPING
            if self.fleet.rules[name].one_shot and code == 0 and not stopping:
                self.served.add(name)
            self.play(self.fleet.exited(name, self.now, code=code, why=""))

    @rule(name=st.sampled_from(NAMES), verb=st.sampled_from(["stop", "start", "restart"]))
    def a_person_orders(self, name: str, verb: str) -> None:
        self.play(getattr(self.fleet, verb)(name, self.now))

    @precondition(lambda self: self.fleet.lives)
    @rule()
    def shutdown(self) -> None:
        self.play(self.fleet.shut_down(self.now))

    @invariant()
    def phases_tell_the_truth(self) -> None:
        if hasattr(self, "fleet"):
            assert {name for name, life in self.fleet.lives.items() if life.phase in ALIVE} == self.alive

    def teardown(self) -> None:
        """Whatever happened: a shutdown ends, once every process that is asked to end does."""
        if not hasattr(self, "fleet"):
            return
        self.play(self.fleet.shut_down(self.now))
        for _ in range(2 * len(NAMES)):
            for name in sorted(self.alive & self.asked):
                self.alive.discard(name)
                self.play(self.fleet.exited(name, self.now, code=-15, why=""))
        assert self.fleet.is_over
        assert not self.alive


TestFleet = FleetMachine.TestCase
