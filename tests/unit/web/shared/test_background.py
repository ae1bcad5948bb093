"""Threads that work in the background: whatever they meet, they go on."""

import threading
from collections.abc import Callable

from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from luna_web.shared.background import Background


class Part(Background):
    """Does one thing after the other, then tells that nothing is left."""

    def __init__(self, *things: Callable[[], bool], every_seconds: float = 0.001) -> None:
        super().__init__("part", every_seconds)
        self._things = list(things)
        self.done = threading.Event()

    def work(self) -> bool:
        if self._things:
            return self._things.pop(0)()
        self.done.set()
        return False


def fails(error: Exception) -> Callable[[], bool]:
    def fail() -> bool:
        raise error

    return fail


def test_it_goes_on_whatever_it_meets_and_says_what_that_was() -> None:
    part = Part(fails(OperationalError("", {}, Exception("a secret"))), fails(KeyError("a fault of ours")))
    with capture_logs() as lines:
        part.start()
        assert part.done.wait(10)
        part.stop()
    told = [(line["event"], line["part"], line["log_level"]) for line in lines]
    assert told == [("background_waits", "part", "warning"), ("background_stumbled", "part", "error")]
    assert "a secret" not in str(lines)


def test_it_does_not_wait_while_there_is_more_nor_when_it_is_woken_at_work() -> None:
    part = Part(lambda: True, lambda: True, every_seconds=60)
    part.start()
    assert part.done.wait(10)

    woken = Part(lambda: woken.wake() is not None, every_seconds=60)
    woken.start()
    assert woken.done.wait(10)
    for one in (part, woken):
        one.stop()
        one.stop()
        assert one.stopping.is_set()
