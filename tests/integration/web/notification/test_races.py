"""However much happens at once: told once, counted right."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import select

from luna_web.notification.consumer import InAppNotifier
from luna_web.notification.tellings import UTC
from luna_web.shared.database import transaction
from luna_web.shared.models import Outbox
from luna_web.shared.runtime import Runtime
from luna_web.worker.directory import Accounts
from tests.integration.web.delivery.world import Library
from tests.integration.web.notification.conftest import News, Tell
from tests.integration.world import Api, data


def unread(api: Api) -> tuple[int, int]:
    """What `meta` says, and what the list has."""
    answer = api.get("/notifications", params={"is_read": False, "limit": 100})
    return answer.json()["meta"]["unread_count"], len(data(answer))


def test_an_event_that_is_handled_by_many_at_once_tells_each_person_once(
    library: Library, runtime: Runtime, news: News, at_once: Callable[..., None]
) -> None:
    event_id = news(library.reader, "delivery.loan.flagged")

    def handle() -> None:
        with transaction(runtime.session_factory) as session:
            event = session.scalars(select(Outbox).where(Outbox.event_id == event_id)).one()
            InAppNotifier(Accounts(), lambda _: UTC).handle(session, event)

    at_once(*[handle] * 6)

    assert library.one("SELECT count(*) FROM notifications") == 2
    assert library.one("SELECT count(*) FROM outbox WHERE event_type = 'notification.created'") == 2
    assert unread(library.reader.api) == unread(library.librarian.api) == (1, 1)


def test_reading_deleting_and_being_told_at_once(
    library: Library, news: News, tell: Tell, at_once: Callable[..., None]
) -> None:
    api = library.reader.api
    for _ in range(12):
        news(library.reader)
    tell()
    ids = [UUID(row["id"]) for row in data(api.get("/notifications", params={"limit": 100}))]
    for _ in range(3):
        news(library.reader)

    at_once(
        tell,
        *[lambda one=one: api.put(f"/notifications/{one}/read") for one in ids[:4]],
        *[lambda one=one: api.delete(f"/notifications/{one}") for one in ids[2:6]],
        lambda: unread(api),
    )

    assert unread(api) == (9, 9)
    assert library.one("SELECT count(*) FROM notifications WHERE deleted_at IS NULL") == 11
    at_once(*[lambda: api.put("/notifications/read-all")] * 3, tell)
    assert unread(api) == (0, 0)


def test_what_was_told_is_shown_at_once_where_a_screen_is_open(library: Library, news: News, tell: Tell) -> None:
    event_id = news(library.reader)
    tell()
    notification_id = library.one("SELECT id FROM notifications WHERE event_id = :id", id=event_id)
    payload = library.one("SELECT payload FROM outbox WHERE event_type = 'notification.created'")
    shown = payload["notification"]
    assert (shown["id"], payload["user_id"]) == (str(notification_id), str(library.reader.id))
    assert shown["title"] == "A book is overdue"


def test_staff_are_not_told_whose_it_is(library: Library, news: News, tell: Tell) -> None:
    news(library.reader, "delivery.request.created")
    tell()
    (row,) = data(library.librarian.api.get("/notifications"))
    assert "user_id" not in row["payload"] and row["payload"]["book_title"] == "Flatland"
