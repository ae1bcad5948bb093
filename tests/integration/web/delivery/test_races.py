"""Real transactions at the same moment: who wins, and that the other is told the truth."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import httpx

from luna_web.robot.ports import Outcome, Phase
from tests.integration.web.delivery.world import Library
from tests.integration.world import data

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """All calls, started together."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def codes(answers: Sequence[httpx.Response]) -> Counter[str]:
    return Counter(
        str(answer.status_code) if answer.is_success else answer.json()["error"]["code"] for answer in answers
    )


def test_the_last_copy_goes_to_one_of_many(library: Library) -> None:
    book = library.book(copies=2)
    readers = [library.student().api for _ in range(8)]
    wish = {"book_id": book.id, "request_location": "STUDY-1"}
    answers = at_once([partial(reader.post, "/requests", wish) for reader in readers])
    assert codes(answers) == {"201": 2, "BOOK_NOT_AVAILABLE": 6}
    assert library.one("SELECT count(*) FROM delivery_tasks") == 2


def test_one_reader_asks_twice_at_once(library: Library) -> None:
    book = library.book(copies=4)
    wish = {"book_id": book.id, "request_location": "STUDY-1"}
    answers = at_once([partial(library.reader.api.post, "/requests", wish)] * 4)
    assert codes(answers) == {"201": 1, "ALREADY_REQUESTED": 3}


def test_limits_hold_at_once(library: Library) -> None:
    wishes = [{"book_id": library.book().id, "request_location": "STUDY-1"} for _ in range(8)]
    answers = at_once([partial(library.reader.api.post, "/requests", wish) for wish in wishes])
    assert codes(answers) == {"201": 5, "LIMIT_REACHED": 3}


def test_two_librarians_accept_at_once(library: Library) -> None:
    request = library.requested(library.book())
    answers = at_once([partial(library.librarian.api.put, f"/requests/{request['id']}/approve", {})] * 4)
    assert codes(answers) == {"200": 4}
    rows = data(library.librarian.api.get(f"/deliveries/{request['task_id']}/history"))
    assert [row["to_status"] for row in rows] == ["PENDING", "QUEUED"]


def test_accepted_and_cancelled_at_once(library: Library) -> None:
    for _ in range(5):
        book = library.book()
        request = library.requested(book)
        at_once(
            [
                partial(library.librarian.api.put, f"/requests/{request['id']}/approve", {}),
                partial(library.reader.api.put, f"/requests/{request['id']}/cancel", {}),
            ]
        )
        task = library.task_now(request)
        assert (task["status"], library.copy_status(book.copies[0])) == ("CANCELLED", "AVAILABLE")


def test_a_confirmation_and_a_cancel_at_once_never_both_count(library: Library) -> None:
    for _ in range(5):
        request = library.at_desk(library.book())
        answers = at_once(
            [
                partial(library.librarian.api.put, f"/deliveries/{request['task_id']}/book-placed", {}),
                partial(library.reader.api.put, f"/requests/{request['id']}/cancel", {}),
            ]
        )
        said = codes(answers)
        wanted = library.luna1.wanted()
        assert wanted is not None
        assert said in ({"202": 1, "HANDOVER_PENDING": 1}, {"202": 1, "ILLEGAL_TRANSITION": 1})
        assert bool(wanted.confirmations) is ("HANDOVER_PENDING" in said)
        assert (wanted.cancel is None) is ("HANDOVER_PENDING" in said)
        library.luna1.ends(Outcome.CANCELLED) if wanted.cancel else library.luna1.shows(Phase.AWAITING_UNLOAD)
        if not wanted.cancel:
            library.luna1.ends(Outcome.SUCCEEDED)


def test_robots_that_reach_for_the_queue_get_one_task_each(library: Library) -> None:
    tasks = [library.approved(library.book())["task_id"] for _ in range(3)]
    robots = [library.robot() for _ in range(5)]
    claimed = at_once([robot.claim for robot in robots])
    assert sorted(str(wanted.task_id) for wanted in claimed if wanted) == sorted(tasks)


def test_urgent_ones_first_and_nobody_waits_for_ever(library: Library) -> None:
    first = library.approved(library.book())
    urgent = data(
        library.librarian.api.post(
            "/requests", {"book_id": library.book().id, "request_location": "STUDY-1", "priority": "URGENT"}
        ),
        201,
    )
    library.librarian.api.put(f"/requests/{urgent['id']}/approve", {})
    assert [str(robot.claim().task_id) for robot in (library.luna1, library.robot())] == [  # type: ignore[union-attr]
        urgent["task_id"],
        first["task_id"],
    ]


def test_the_robot_speaks_while_people_do(library: Library) -> None:
    """Observations, confirmations and reads of one task at once end in one loan."""
    for _ in range(3):
        book = library.book()
        request = library.at_reader(book)
        at_once(
            [
                partial(library.reader.api.put, f"/requests/{request['id']}/complete", {}),
                partial(library.librarian.api.put, f"/deliveries/{request['task_id']}/complete", {}),
                lambda: library.luna1.ends(Outcome.SUCCEEDED),
                lambda: library.luna1.again(library.luna1.last),  # type: ignore[arg-type]
            ]
        )
        assert library.task_now(request)["status"] == "COMPLETED"
        assert len(library.loans(book_id=book.id)) == 1
