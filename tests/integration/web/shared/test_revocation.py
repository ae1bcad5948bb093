"""Ended sessions count in every process within a second."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Role
from luna_web.shared.revocation import POLL_S, STALE_S, RevocationWatch
from luna_web.shared.runtime import Runtime
from tests.integration.servers import wait_until
from tests.integration.world import People, Person


class Ticks:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def watch(session_factory: SessionFactory, ticks: Ticks) -> RevocationWatch:
    return RevocationWatch(session_factory, 3600, ticks)


@pytest.fixture
def person(people: People) -> Person:
    return people.make(Role.STUDENT)


def revoke(factory: SessionFactory, person: Person, ago: str = "0 s") -> None:
    with transaction(factory) as session:
        session.execute(
            text(
                "UPDATE sessions SET revoked_at = clock_timestamp() - CAST(:ago AS interval), revoked_why = 'LOGOUT'"
                " WHERE id = :id"
            ),
            {"ago": ago, "id": person.session_id},
        )


def test_a_look_finds_what_was_revoked(watch: RevocationWatch, session_factory: SessionFactory, person: Person) -> None:
    watch.look()
    assert not watch.is_revoked(person.session_id)

    revoke(session_factory, person)
    watch.look()

    assert watch.is_revoked(person.session_id)


def test_the_first_look_reaches_back_as_far_as_a_token_can_live(
    watch: RevocationWatch, session_factory: SessionFactory, person: Person
) -> None:
    revoke(session_factory, person, ago="59 minutes")
    watch.look()

    assert watch.known_revoked(person.session_id)


def test_when_the_last_look_is_old_each_request_asks(
    watch: RevocationWatch, session_factory: SessionFactory, person: Person, ticks: Ticks
) -> None:
    watch.look()
    revoke(session_factory, person)
    assert not watch.is_revoked(person.session_id)

    ticks.at += STALE_S + 0.1

    assert watch.is_revoked(person.session_id)
    assert watch.is_revoked(new_id())


def test_after_an_outage_the_next_look_reaches_back_over_it(
    watch: RevocationWatch, session_factory: SessionFactory, person: Person, ticks: Ticks
) -> None:
    watch.look()
    revoke(session_factory, person, ago="5 minutes")
    ticks.at += 360
    watch.look()

    assert watch.known_revoked(person.session_id)


def test_what_no_token_can_outlive_is_forgotten(
    watch: RevocationWatch, session_factory: SessionFactory, person: Person, ticks: Ticks
) -> None:
    revoke(session_factory, person, ago="1 minute")
    watch.look()
    ticks.at += 3601
    watch.look()

    assert not watch.known_revoked(person.session_id)


@pytest.fixture
def running(session_factory: SessionFactory) -> Iterator[RevocationWatch]:
    watch = RevocationWatch(session_factory, 3600)
    watch.start()
    yield watch
    watch.stop()


def test_another_process_learns_it_by_itself(running: RevocationWatch, runtime: Runtime, person: Person) -> None:
    revoke(runtime.session_factory, person)

    wait_until("the other process knows", lambda: running.known_revoked(person.session_id))


def test_it_looks_twice_a_second_and_trusts_no_look_that_is_older_than_one() -> None:
    """What the second is made of. How long a busy machine takes over it is not for tests to measure."""
    assert POLL_S <= 0.5
    assert STALE_S <= 1.0


class TestTelling:
    """For connections that outlive a request."""

    def test_whoever_waits_is_told_once(
        self, watch: RevocationWatch, session_factory: SessionFactory, person: Person
    ) -> None:
        told: list[str] = []
        watch.look()
        watch.when_ended(person.session_id, lambda: told.append("it"))
        watch.when_ended(new_id(), lambda: told.append("another"))

        revoke(session_factory, person)
        watch.look()
        watch.look()

        assert told == ["it"]

    def test_an_end_of_this_process_is_told_at_once(self, watch: RevocationWatch, person: Person) -> None:
        told: list[str] = []
        watch.when_ended(person.session_id, lambda: told.append("it"))

        watch.remember(person.session_id)

        assert told == ["it"]

    def test_who_comes_late_is_told_at_once(self, watch: RevocationWatch, person: Person) -> None:
        told: list[str] = []
        watch.remember(person.session_id)

        watch.when_ended(person.session_id, lambda: told.append("it"))

        assert told == ["it"]

    def test_who_leaves_is_not_told(self, watch: RevocationWatch, person: Person) -> None:
        told: list[str] = []
        forget = watch.when_ended(person.session_id, lambda: told.append("it"))
        forget()
        forget()

        watch.remember(person.session_id)

        assert told == []
