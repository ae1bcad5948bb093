"""The measurement of the API: clients that make ready calls, and what their answers come to."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from luna_web.bench.api.driving import Answers, DrivingFailed, call, drive, whole_answer
from luna_web.bench.api.figures import COLUMNS, Measured

GOOD = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}"
LIMITED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow"
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 3\r\n\r\nbad"


def answered(answers: Sequence[bytes], calls: int, clients: int, deadline: float = 5.0) -> Answers:
    """What clients make of a server that gives these answers by turns, each in two pieces, and then hangs up."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left and await reader.readuntil(b"\r\n\r\n"):
            answer = left.pop(0)
            for piece in (answer[:20], answer[20:]):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def run() -> Answers:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            made = [call("GET", "/", {})] * calls
            return await drive(f"http://127.0.0.1:{port}", made, clients, deadline)

    return asyncio.run(run())


class TestDriving:
    def test_a_call_is_a_whole_request(self) -> None:
        made = call("PUT", "/requests/1/approve", {"Authorization": "Bearer x"}, {"a": 1})

        head, _, body = made.partition(b"\r\n\r\n")
        assert head.startswith(b"PUT /requests/1/approve HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer x\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert body == b'{"a": 1}'

    def test_each_call_is_made_once_and_counted_by_its_answer(self) -> None:
        told = answered([GOOD, LIMITED, BROKEN, GOOD, GOOD, GOOD], calls=6, clients=2)

        assert told.statuses == Counter({201: 4, 429: 1, 500: 1})
        assert (told.good, told.limited, told.errors, len(told.seconds)) == (4, 1, 1, 6)
        assert told.refused in ("slow", "bad")
        assert told.elapsed > 0

    def test_a_server_that_hangs_up_is_told_of(self) -> None:
        with pytest.raises(DrivingFailed, match="in the middle of a call"):
            answered([GOOD], calls=2, clients=1)

    def test_one_that_says_nothing_is_not_waited_for(self) -> None:
        with pytest.raises(DrivingFailed, match="0 of 1 calls"):
            answered([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", GOOD], calls=1, clients=1, deadline=0.05)

    @pytest.mark.parametrize("missing", [1, 2, 10, 40])
    def test_half_an_answer_is_none(self, missing: int) -> None:
        assert whole_answer(GOOD) == 201
        assert whole_answer(GOOD[:-missing]) is None

    @pytest.mark.parametrize("wrong", [GOOD + b"H", GOOD.replace(b"content-length: 2", b"x: y")])
    def test_what_is_no_single_answer_is_refused(self, wrong: bytes) -> None:
        with pytest.raises(DrivingFailed):
            whole_answer(wrong)


def test_figures_are_by_good_answers_and_costs_by_calls() -> None:
    answers = Answers([0.010, 0.020, 0.030, 0.040], Counter({200: 2, 429: 1, 503: 1}), elapsed=2.0, client_cpu=0.004)
    measured = Measured("create", 16, answers, server_cpu=0.02, database_cpu=0.01)
    limit = Measured("bare", 16, Answers([0.01] * 4, Counter({200: 4}), elapsed=1.0))

    row = dict(zip(COLUMNS, measured.row(limit), strict=True))

    assert (row["calls/s"], row["÷ limit"], row["errors"], row["429"]) == (1, 0.25, 1, 1)
    assert (row["p50"], row["p99"]) == (20.0, 40.0)
    assert (row["server CPU"], row["database CPU"], row["client CPU"]) == (5.0, 2.5, 1.0)


def test_passes_add_up() -> None:
    so_far = Answers()
    so_far.add(Answers([0.1], Counter({200: 1}), 1.0, 0.5))
    so_far.add(Answers([0.2], Counter({500: 1}), 2.0, 0.5, "bad"))

    assert (so_far.seconds, so_far.elapsed, so_far.client_cpu, so_far.errors) == ([0.1, 0.2], 3.0, 1.0, 1)
    assert so_far.refused == "bad"
