"""A book goes out and comes back: what the database says after every step."""

from luna_web.robot.ports import Outcome, Phase
from tests.integration.web.delivery.world import Library
from tests.integration.world import data

STEPS = [
    "QUEUED",
    "ASSIGNED",
    "IN_PROGRESS TO_PICKUP",
    "IN_PROGRESS AWAITING_LOAD",
    "IN_PROGRESS TO_DROPOFF",
    "IN_PROGRESS AWAITING_UNLOAD",
    "COMPLETED",
]


def steps(library: Library, task_id: str) -> list[str]:
    rows = data(library.librarian.api.get(f"/deliveries/{task_id}/history", params={"limit": 100}))
    return [f"{row['to_status']} {row['phase'] or ''}".strip() for row in rows]


def test_a_book_goes_out(library: Library) -> None:
    book = library.book()
    request = library.requested(book)
    assert (request["status"], library.copy_status(book.copies[0])) == ("PENDING", "RESERVED")

    request = data(library.librarian.api.put(f"/requests/{request['id']}/approve", {}))
    assert (request["status"], request["delivery"]["status"]) == ("APPROVED", "QUEUED")

    wanted = library.luna1.claim()
    assert wanted is not None and str(wanted.task_id) == request["task_id"]
    assert [stop.waypoint for stop in wanted.stops] == ["DESK-1", "STUDY-1"]
    assert wanted.fallback is not None and wanted.fallback.waypoint == "DESK-1"

    library.luna1.shows(Phase.TO_PICKUP)
    library.luna1.shows(Phase.AWAITING_LOAD)
    library.luna1.shows(Phase.TO_DROPOFF)
    assert library.request_now(request)["status"] == "IN_PROGRESS"
    assert library.copy_status(book.copies[0]) == "ON_ROBOT"

    library.luna1.shows(Phase.AWAITING_UNLOAD)
    library.luna1.ends(Outcome.SUCCEEDED)
    assert library.request_now(request)["status"] == "COMPLETED"
    assert library.copy_status(book.copies[0]) == "CHECKED_OUT"
    (loan,) = library.loans()
    assert (loan["book_id"], loan["request_id"], loan["flagged"], loan["closed_at"]) == (
        book.id,
        request["id"],
        False,
        None,
    )
    assert steps(library, request["task_id"]) == ["PENDING", *STEPS]


def test_a_book_comes_back(library: Library) -> None:
    book = library.book()
    loan = library.lent(book)
    wish = library.return_asked(loan)
    assert (wish["status"], wish["delivery"]["status"]) == ("PENDING", "QUEUED")

    assert library.luna1.claim() is not None
    assert library.return_now(wish)["status"] == "PICKUP_SCHEDULED"
    library.luna1.shows(Phase.TO_PICKUP)
    library.luna1.shows(Phase.AWAITING_LOAD)
    library.luna1.shows(Phase.TO_DROPOFF)
    picked_up = library.return_now(wish)
    assert (picked_up["status"], library.copy_status(book.copies[0])) == ("PICKED_UP", "ON_ROBOT")

    library.luna1.shows(Phase.AWAITING_UNLOAD)
    library.luna1.ends(Outcome.SUCCEEDED)
    assert library.return_now(wish)["status"] == "COMPLETED"
    assert library.copy_status(book.copies[0]) == "AVAILABLE"
    (closed,) = library.loans()
    assert closed["closed_at"] == picked_up["picked_up_at"]
    assert steps(library, wish["task_id"]) == STEPS


def test_the_timeline_of_a_request_tells_who_did_what(library: Library) -> None:
    request = library.at_desk(library.book())
    rows = data(library.reader.api.get(f"/requests/{request['id']}/activity"))
    told = [(row["subject"], row["to_status"], row["phase"], row["by"]) for row in rows]
    assert told == [
        ("REQUEST", "PENDING", None, "READER"),
        ("TASK", "PENDING", None, "READER"),
        ("TASK", "QUEUED", None, "STAFF"),
        ("REQUEST", "APPROVED", None, "STAFF"),
        ("TASK", "ASSIGNED", None, "ROBOT"),
        ("TASK", "IN_PROGRESS", "TO_PICKUP", "ROBOT"),
        ("TASK", "IN_PROGRESS", "AWAITING_LOAD", "ROBOT"),
    ]


def test_every_transition_has_an_event_of_its_own_number(library: Library) -> None:
    loan = library.lent(library.book())
    library.brought_home(loan)
    library.luna1.ends(Outcome.SUCCEEDED)
    events = library.rows("SELECT aggregate, aggregate_seq FROM outbox WHERE aggregate NOT LIKE 'user:%'")
    assert len(set(events)) == len(events)
    rows = library.rows("SELECT count(*) AS n, subject FROM task_status_history GROUP BY subject ORDER BY subject")
    of_tasks = library.one("SELECT count(*) FROM outbox WHERE event_type LIKE 'delivery.task.%'")
    of_requests = library.one("SELECT count(*) FROM outbox WHERE event_type LIKE 'delivery.request.%'")
    of_returns = library.one("SELECT count(*) FROM outbox WHERE event_type LIKE 'delivery.return.%'")
    assert {row.subject: row.n for row in rows} == {"TASK": of_tasks, "REQUEST": of_requests, "RETURN": of_returns}


def test_told_twice_and_out_of_order_it_is_the_same(library: Library) -> None:
    book = library.book()
    request = library.at_desk(book)
    loaded = library.luna1.shows(Phase.TO_DROPOFF)
    arrived = library.luna1.shows(Phase.AWAITING_UNLOAD)
    for seen in (loaded, arrived, loaded):
        library.luna1.again(seen)
    assert library.task_now(request)["phase"] == "AWAITING_UNLOAD"
    done = library.luna1.ends(Outcome.SUCCEEDED)
    for seen in (done, arrived, done):
        library.luna1.again(seen)
    assert len(library.loans()) == 1
    assert steps(library, request["task_id"]) == ["PENDING", *STEPS]


def test_what_the_web_tier_slept_through_is_filled_in(library: Library) -> None:
    book = library.book()
    request = library.setting_off(book)
    library.luna1.shows(Phase.AWAITING_UNLOAD)
    assert library.copy_status(book.copies[0]) == "ON_ROBOT"
    assert library.request_now(request)["status"] == "IN_PROGRESS"
    assert steps(library, request["task_id"])[-4:] == STEPS[2:-1]


def test_another_robot_cannot_speak_for_a_task(library: Library) -> None:
    request = library.setting_off(library.book())
    stranger = library.robot()
    stranger.delivery = library.luna1.delivery
    stranger.shows(Phase.AWAITING_UNLOAD)
    assert library.task_now(request)["phase"] == "TO_PICKUP"
