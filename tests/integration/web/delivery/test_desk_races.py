"""Two people with one book, at the same moment, in real transactions."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

from luna_web.delivery import repository
from luna_web.robot.ports import Outcome, Phase
from tests.integration.web.delivery.test_races import at_once, codes
from tests.integration.web.delivery.world import Library
from tests.integration.world import data, refused

ROUNDS = 4


def test_two_librarians_lend_one_copy_to_two_readers(library: Library) -> None:
    for _ in range(ROUNDS):
        book = library.book()
        wishes = [{"user_id": str(library.student().id), "barcode": book.barcodes[0]} for _ in range(3)]
        answers = at_once([partial(library.librarian.api.post, "/loans", wish) for wish in wishes])
        assert codes(answers) == {"201": 1, "BOOK_NOT_AVAILABLE": 2}
        assert library.one("SELECT count(*) FROM loans WHERE book_id = :book", book=book.id) == 1


def test_the_last_copy_is_lent_or_requested(library: Library) -> None:
    for _ in range(ROUNDS):
        book = library.book()
        lent = {"user_id": str(library.student().id), "barcode": book.barcodes[0]}
        wish = {"book_id": book.id, "request_location": "STUDY-1"}
        answers = at_once(
            [
                partial(library.librarian.api.post, "/loans", lent),
                partial(library.student().api.post, "/requests", wish),
                partial(library.student().api.post, "/requests", wish),
            ]
        )
        assert codes(answers) == {"201": 1, "BOOK_NOT_AVAILABLE": 2}


def test_the_loan_limit_holds_at_two_desks(library: Library) -> None:
    for _ in range(8):
        library.handed_out(library.book())
    wishes = [{"user_id": str(library.reader.id), "barcode": library.book().barcodes[0]} for _ in range(5)]
    answers = at_once([partial(library.librarian.api.post, "/loans", wish) for wish in wishes])
    assert codes(answers) == {"201": 2, "LIMIT_REACHED": 3}


def test_a_book_is_checked_in_while_its_reader_asks_for_a_robot(library: Library) -> None:
    for _ in range(ROUNDS):
        book = library.book()
        loan = library.handed_out(book)
        wish = {"loan_id": loan["id"], "pickup_location": "STUDY-1"}
        answers = at_once(
            [
                partial(library.librarian.api.post, "/loans/checkin", {"barcode": book.barcodes[0]}),
                partial(library.reader.api.post, "/returns", wish),
            ]
        )
        assert codes(answers) in ({"200": 1, "201": 1}, {"200": 1, "NOT_BORROWED_BY_YOU": 1})
        assert library.loan_now(loan)["status"] == "RETURNED"
        assert library.copy_status(book.copies[0]) == "AVAILABLE"
        assert library.one("SELECT count(*) FROM delivery_tasks WHERE completed_at IS NULL") == 0


def test_a_book_is_checked_in_while_its_robot_sets_off_and_arrives(library: Library) -> None:
    for _ in range(ROUNDS):
        book = library.book()
        loan = library.handed_out(book)
        wish = library.return_asked(loan)
        scan = partial(library.librarian.api.post, "/loans/checkin", {"barcode": book.barcodes[0]})

        def drive() -> None:
            if library.luna1.claim():
                library.luna1.shows(Phase.TO_PICKUP)

        at_once([scan, drive])
        assert library.loan_now(loan)["status"] == "RETURNED"
        if library.luna1.wanted() is not None:
            assert library.copy_status(book.copies[0]) == "RESERVED"
            library.luna1.ends(Outcome.CANCELLED)
        assert library.return_now(wish)["status"] == "CANCELLED"
        assert library.copy_status(book.copies[0]) == "AVAILABLE"


def test_who_joins_a_queue_waits_for_no_loan_that_somebody_has_in_hand(library: Library) -> None:
    """Loans are locked before queues: a check-in that has the loan and waits for the queue must not be waited for.

    Nobody gives the loan back here before the answer is there: to wait for it would end in the database's refusal.
    """
    book = library.book()
    loan = library.handed_out(book)
    with library.transaction() as session, ThreadPoolExecutor(1) as pool:
        repository.lock_loan(session, UUID(loan["id"]))
        answer = pool.submit(library.reader.api.post, "/holds", {"book_id": book.id}).result(60)
    refused(answer, 409, "ALREADY_REQUESTED")


def test_a_copy_comes_back_while_others_reach_for_it(library: Library) -> None:
    """Whoever waits gets it, whoever comes by does not."""
    for _ in range(ROUNDS):
        book, first = library.book(), library.student()
        library.handed_out(book)
        hold = library.waiting(book, first)
        wish = {"book_id": book.id, "request_location": "STUDY-1"}
        at_once(
            [
                partial(library.librarian.api.post, "/loans/checkin", {"barcode": book.barcodes[0]}),
                *[partial(library.student().api.post, "/requests", wish) for _ in range(3)],
                partial(library.student().api.post, "/holds", {"book_id": book.id}),
            ]
        )
        now = library.hold_now(hold)
        assert (now["status"], now["copy_id"]) == ("OFFERED", book.copies[0])
        assert library.one("SELECT count(*) FROM book_requests WHERE book_id = :book", book=book.id) == 0


def test_an_offer_is_taken_once(library: Library) -> None:
    for _ in range(ROUNDS):
        book, reader = library.book(), library.student()
        hold = library.waiting(book, reader)
        wish = {"book_id": book.id, "request_location": "STUDY-1"}
        lent = {"user_id": str(reader.id), "barcode": book.barcodes[0]}
        answers = at_once(
            [
                partial(reader.api.post, "/requests", wish),
                partial(reader.api.delete, f"/holds/{hold['id']}"),
                partial(library.librarian.api.post, "/loans", lent),
            ]
        )
        assert all(answer.status_code < 500 for answer in answers)
        assert library.hold_now(hold)["status"] in ("FULFILLED", "CANCELLED")
        requests = data(reader.api.get("/requests", params={"book_id": book.id}))
        loans = data(reader.api.get("/loans", params={"book_id": book.id}))
        expected = "CHECKED_OUT" if loans else "RESERVED" if requests else "AVAILABLE"
        assert library.copy_status(book.copies[0]) == expected


def test_many_join_one_queue_and_copies_come_back_at_once(library: Library) -> None:
    book = library.book(copies=3)
    for copy in range(3):
        library.handed_out(book, to=library.student(), copy=copy)
    readers = [library.student() for _ in range(6)]
    joined = at_once(
        [
            *[partial(reader.api.post, "/holds", {"book_id": book.id}) for reader in readers],
            *[
                partial(library.librarian.api.post, "/loans/checkin", {"barcode": barcode})
                for barcode in book.barcodes
            ],
        ]
    )
    assert codes(joined) == {"201": 6, "200": 3}
    holds = data(library.librarian.api.get("/holds", params={"book_id": book.id, "order": "asc"}))
    assert [hold["status"] for hold in holds].count("OFFERED") == 3
    assert sorted(hold["copy_id"] for hold in holds if hold["copy_id"]) == sorted(book.copies)
    assert sorted(hold["position"] for hold in holds if hold["position"]) == [1, 2, 3]
