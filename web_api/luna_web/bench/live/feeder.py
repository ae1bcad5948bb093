"""Robots and events in a process of their own, so that they cost the clients nothing."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from redis import Redis

from luna_web.bench.live.library import Events, Robots
from luna_web.shared.config import get_settings
from luna_web.shared.database import make_engine, make_session_factory

ANSWER_DEADLINE_S = 60.0


@dataclass
class Feeder:
    """Told what to do, a word at a time."""

    _pipe: "Connection[Any, Any]"

    def start_events(self) -> None:
        self._ask("start")

    def stop_events(self) -> dict[str, int]:
        """How many were told to each person."""
        told: dict[str, int] = self._ask("stop")
        return told

    def _ask(self, word: str) -> Any:
        self._pipe.send(word)
        if not self._pipe.poll(ANSWER_DEADLINE_S):
            raise TimeoutError(f"no answer to {word!r}")
        return self._pipe.recv()


@contextmanager
def feeding(robots: int, people: list[str]) -> Iterator[Feeder]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_feed, args=(theirs, robots, people), daemon=True)
    process.start()
    try:
        yield Feeder(ours)
    finally:
        ours.send("end")
        process.join(10)
        process.terminate()


def _feed(pipe: "Connection[Any, Any]", robots: int, people: list[str]) -> None:
    settings = get_settings()
    factory = make_session_factory(make_engine(settings))
    fleet = Robots(Redis.from_url(settings.redis_url), robots)
    fleet.start()
    events: Events | None = None
    while (word := pipe.recv()) != "end":
        answer: object = None
        if word == "start":
            events = Events(factory, settings, [UUID(person) for person in people])
            events.start()
        elif word == "stop" and events is not None:
            events.stop()
            answer = {str(person): count for person, count in events.told.items()}
        pipe.send(answer)
    fleet.stop()
