"""What belongs to one reader is not there for another: every route that readers may call, by the ids in its path.

Complete by construction: a route whose path has an id of a new kind fails until it is said here whose such things are.
"""

import re
from typing import Any

import pytest

from luna_web.shared.ids import new_id
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime
from tests.integration.web.delivery.world import Library
from tests.integration.web.shared.test_roles import ROUTES, call_with
from tests.integration.world import Catalog, People, data

NOBODYS = {"book_id", "isbn", "waypoint_id"}
"""What every reader may see."""

OF_READERS = [
    (method, path)
    for method, path, rule in ROUTES
    if rule is not None and rule.roles is not None and Role.STUDENT in rule.roles
]
WITH_IDS = [(method, path) for method, path in OF_READERS if set(re.findall(r"\{(\w+)\}", path)) - NOBODYS]
LISTS = [path for method, path in OF_READERS if method == "GET" and re.fullmatch(r".*/(\w+s|sessions)", path)]


@pytest.fixture
def library(runtime: Runtime, people: People, catalog: Catalog) -> Library:
    return Library(runtime, people, catalog)


@pytest.fixture
def theirs(library: Library) -> dict[str, str]:
    """Something of each kind that belongs to the library's reader, by the name it has in paths."""
    loan = library.lent(library.book())
    returning = library.return_asked(loan)
    request = library.requested(library.book())
    notification = new_id()
    library.rows(
        "INSERT INTO notifications (id, user_id, event_id, notification_type, title, message, created_at)"
        " VALUES (:id, :user, gen_random_uuid(), 'SYSTEM_ALERT', 'Hello', 'Reader', now()) RETURNING id",
        id=notification,
        user=library.reader.id,
    )
    return {
        "request_id": request["id"],
        "return_id": returning["id"],
        "loan_id": loan["id"],
        "session_id": str(library.reader.session_id),
        "notification_id": str(notification),
        "robot_id": str(library.luna1.id),
    }


@pytest.mark.parametrize(("method", "path"), WITH_IDS, ids=[f"{method} {path}" for method, path in WITH_IDS])
def test_anothers_is_not_there(library: Library, theirs: dict[str, str], method: str, path: str) -> None:
    names = re.findall(r"\{(\w+)\}", path)
    assert set(names) <= set(theirs) | NOBODYS, f"whose is {{{names[0]}}}? Say it in this test"

    answer = call_with(library.student().api, method, path, theirs)

    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("path", [path for path in LISTS if "books" not in path and "robot" not in path])
def test_lists_hold_ones_own_only(library: Library, theirs: dict[str, str], path: str) -> None:
    everything: list[Any] = data(library.student().api.get(path.removeprefix("/api/v1")))

    assert not {row["id"] for row in everything} & set(theirs.values())
