"""Hashing passwords."""

import threading
import time

import pytest

from luna_web.auth import passwords as module
from luna_web.auth.passwords import Passwords
from luna_web.shared.errors import DependencyUnavailable


def cheap(at_once: int = 2) -> Passwords:
    return Passwords(memory_kib=1024, passes=1, at_once=at_once)


def test_a_hash_matches_its_password_and_no_other() -> None:
    hashed = cheap().hash("Correct-horse-9")

    assert hashed.startswith("$argon2id$")
    assert cheap().matches(hashed, "Correct-horse-9")
    assert not cheap().matches(hashed, "Correct-horse-8")


@pytest.mark.parametrize("known", [None, "", "not a hash", "$argon2id$v=19$broken"])
def test_without_a_hash_nothing_matches(known: str | None) -> None:
    assert not cheap().matches(known, "nobody has this password")


def test_a_hash_of_older_parameters_is_outdated() -> None:
    older = cheap().hash("Correct-horse-9")

    assert Passwords(memory_kib=2048, passes=1, at_once=1).outdated(older)
    assert not cheap().outdated(older)


def test_an_account_that_is_not_there_costs_as_much_time_as_a_wrong_password() -> None:
    slow = Passwords(memory_kib=19_456, passes=4, at_once=1)
    hashed = slow.hash("Correct-horse-9")
    slow.matches(None, "warm up")

    def cost(known: str | None) -> float:
        began = time.thread_time()
        slow.matches(known, "Wrong-horse-9")
        return time.thread_time() - began

    costs = [(cost(hashed), cost(None)) for _ in range(5)]
    with_account, without = (min(series) for series in zip(*costs, strict=True))

    assert without == pytest.approx(with_account, rel=0.5)


def test_when_all_places_are_taken_the_caller_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.01)
    busy = cheap(at_once=1)
    with busy._slots, pytest.raises(DependencyUnavailable) as refused:
        busy.hash("Correct-horse-9")

    assert refused.value.headers["Retry-After"] == "5"
    busy.hash("Correct-horse-9")


def test_when_too_many_wait_the_next_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 0)
    busy = cheap(at_once=1)
    with busy._slots, pytest.raises(DependencyUnavailable) as refused:
        busy.hash("Correct-horse-9")

    assert refused.value.headers["Retry-After"] == "2"
    busy.hash("Correct-horse-9")


def test_no_more_hashes_run_at_once_than_allowed() -> None:
    bounded = Passwords(memory_kib=8192, passes=1, at_once=2)
    running, most, lock = 0, 0, threading.Lock()
    hasher = bounded._hasher

    class Counting:
        def hash(self, password: str) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            try:
                return hasher.hash(password)
            finally:
                with lock:
                    running -= 1

    bounded._hasher = Counting()  # type: ignore[assignment]
    threads = [threading.Thread(target=bounded.hash, args=("Correct-horse-9",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert most <= 2
