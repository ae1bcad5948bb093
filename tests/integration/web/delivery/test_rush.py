"""Two hundred readers at once for the same ten titles, over HTTP: who gets a copy, and what all others are told."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest

from luna_web.delivery.app import SERVICE as DELIVERY
from luna_web.main import create_app
from luna_web.shared.config import Settings
from luna_web.shared.runtime import make_runtime
from tests.integration.serving import on_a_port
from tests.integration.web.delivery.world import Json, Library

READERS = 200
DEADLINE_S = 300.0
COPIES = (1, 2, 3, 1, 2, 3, 1, 2, 3, 4)


@pytest.fixture
def ports(settings: Settings) -> Iterator[list[int]]:
    """Two processes' worth of servers, each with its own threads and connections, as behind a gateway."""
    with ExitStack() as stack:
        runtimes = [make_runtime(settings) for _ in range(2)]
        for runtime in runtimes:
            stack.callback(runtime.close)
        quiet = [replace(DELIVERY, lifespan=None)]
        yield [stack.enter_context(on_a_port(create_app(quiet, runtime=runtime))) for runtime in runtimes]


def ask(ports: list[int], tokens: list[str], wishes: list[Json]) -> list[httpx.Response]:
    """All of them at the same moment, each on a connection of its own."""

    async def story() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=DEADLINE_S, limits=limits, trust_env=False) as http:
            calls = (
                http.post(
                    f"http://127.0.0.1:{ports[number % len(ports)]}/api/v1/requests",
                    json=wish,
                    headers={"Authorization": f"Bearer {token}"},
                )
                for number, (token, wish) in enumerate(zip(tokens, wishes, strict=True))
            )
            return await asyncio.gather(*calls)

    return asyncio.run(story())


def test_as_many_are_accepted_as_there_are_copies_and_the_rest_are_queued_or_told(
    library: Library, ports: list[int]
) -> None:
    """Of the twenty who want a title, half would rather wait than hear no."""
    books = [library.book(copies) for copies in COPIES]
    tokens = [library.student().api.token or "" for _ in range(READERS)]
    wishes: list[Json] = [
        {
            "book_id": books[number % 10].id,
            "request_location": "STUDY-1",
            "hold_if_unavailable": number % 20 < 10,
        }
        for number in range(READERS)
    ]
    answers = ask(ports, tokens, wishes)

    told = Counter(answer.status_code for answer in answers)
    assert set(told) <= {201, 202, 409}, [answer.text for answer in answers if answer.status_code >= 500][:3]
    assert told[201] == sum(COPIES)
    places: dict[str, list[int]] = defaultdict(list)
    copies: list[str] = []
    for wish, answer in zip(wishes, answers, strict=True):
        if answer.status_code == 409:
            error = answer.json()["error"]
            assert not wish["hold_if_unavailable"]
            assert (error["code"], error["details"]["current_status"]) == ("BOOK_NOT_AVAILABLE", "RESERVED")
        elif answer.status_code == 202:
            places[wish["book_id"]].append(answer.json()["data"]["position"])
        else:
            copies.append(answer.json()["data"]["copy_id"])
    assert sorted(copies) == sorted(copy for book in books for copy in book.copies)
    for queue in places.values():
        assert sorted(queue) == list(range(1, len(queue) + 1)), "each has a place of their own"
    assert library.one("SELECT count(*), count(DISTINCT copy_id) FROM delivery_tasks") == (sum(COPIES),) * 2
    assert library.one("SELECT count(*) FROM copies WHERE status <> 'RESERVED'") == 0
    assert library.one("SELECT count(*) FROM holds WHERE status = 'WAITING'") == told[202]
