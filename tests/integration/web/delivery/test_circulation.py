"""What the catalog learns of loans and requests."""

from tests.integration.web.delivery.world import Library
from tests.integration.world import data, refused


def test_availability_tells_when_a_copy_is_due_and_who_waits(library: Library) -> None:
    book = library.book(copies=2)
    loan = library.lent(book)
    library.requested(book)

    found = data(library.reader.api.get(f"/books/{book.id}/availability"))

    assert (found["status"], found["next_due_at"], found["queue_length"]) == ("RESERVED", loan["due_at"], 1)


def test_a_title_that_was_asked_for_stays_and_counts_among_the_most_requested(library: Library) -> None:
    book = library.book()
    library.requested(book)
    refused(library.librarian.api.delete(f"/books/{book.id}"), 409, "BOOK_IN_USE")

    stats = data(library.reader.api.get("/books/stats"))

    assert [(one["id"], one["requests"]) for one in stats["most_requested"]] == [(book.id, 1)]


def test_a_lost_copy_whose_loan_is_open_is_in_use(library: Library) -> None:
    book = library.book()
    library.lent(book)
    with library.transaction() as session:
        from sqlalchemy import text

        session.execute(text("UPDATE copies SET status = 'UNAVAILABLE', status_reason = 'LOST'"))

    refused(library.librarian.api.delete(f"/books/{book.id}"), 409, "BOOK_IN_USE")
    path = f"/books/{book.id}/copies/{book.copies[0]}"
    refused(library.librarian.api.put(path, {"status": "AVAILABLE"}), 409, "BOOK_IN_USE")
