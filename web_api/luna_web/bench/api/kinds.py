"""The kinds of call that are measured, and the one of the bare server that each is compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from uuid import UUID

from sqlalchemy import Select, select

from luna_web.bench.api.driving import call
from luna_web.bench.api.library import Library
from luna_web.bench.api.tables import BareRequest
from luna_web.delivery.domain.states import RequestStatus
from luna_web.delivery.models import BookRequest, DeliveryTask
from luna_web.shared.principal import Principal

REQUESTS, DELIVERIES = "/api/v1/requests", "/api/v1/deliveries"
PLACE = "STUDY-1"
REQUESTS_OF_ONE = 5
"""As many as a reader may have open."""
Calls = Sequence[bytes]
Caller = dict[str, str]
"""The headers that say who calls."""


@dataclass
class Kinds:
    """Makes so many calls of a kind. No title and no reader is used up twice: they must last for all `creations`."""

    library: Library
    titles: Iterator[UUID]
    readers: Iterator[Principal]
    librarians: Sequence[Principal]

    def bare_writes(self, count: int) -> Calls:
        body = {"book_id": str(UUID(int=1)), "book_title": "A book that is measured", "request_location": PLACE}
        return [call("POST", "/requests", {}, body)] * count

    def bare_reads(self, count: int) -> Calls:
        return [call("GET", f"/requests/{one}", {}) for one in self._ids(select(BareRequest.id), count)]

    def bare_pages(self, count: int) -> Calls:
        return [call("GET", "/requests?status=PENDING", {})] * count

    def creations(self, count: int) -> Calls:
        """Each reader asks for a few titles, all at once."""
        made: list[bytes] = []
        while len(made) < count:
            reader = self._caller(next(self.readers))
            some = islice(self.titles, min(REQUESTS_OF_ONE, count - len(made)))
            wishes = ({"book_id": str(title), "request_location": PLACE} for title in some)
            made += [call("POST", REQUESTS, reader, wish) for wish in wishes]
        return made

    def approvals(self, count: int) -> Calls:
        """Of requests that wait for it."""
        waiting = select(BookRequest.id).where(BookRequest.status == RequestStatus.PENDING)
        ids = self._ids(waiting.order_by(BookRequest.requested_at), count)
        return [call("PUT", f"{REQUESTS}/{one}/approve", who, {}) for one, who in self._by_staff(ids)]

    def lists(self, count: int) -> Calls:
        """What a desk looks at: the newest of all readers."""
        return [call("GET", f"{REQUESTS}?status=APPROVED&limit=20", who) for _, who in self._by_staff(range(count))]

    def requests(self, count: int) -> Calls:
        ids = self._ids(select(BookRequest.id), count)
        return [call("GET", f"{REQUESTS}/{one}", who) for one, who in self._by_staff(ids)]

    def deliveries(self, count: int) -> Calls:
        ids = self._ids(select(DeliveryTask.id), count)
        return [call("GET", f"{DELIVERIES}/{one}", who) for one, who in self._by_staff(ids)]

    def _by_staff(self, things: Sequence[object]) -> Iterator[tuple[object, Caller]]:
        return zip(things, cycle([self._caller(one) for one in self.librarians]), strict=False)

    def _ids(self, query: Select[UUID], count: int) -> Sequence[UUID]:
        """So many; some come again where there are fewer."""
        with self.library.session() as session:
            found = session.scalars(query.limit(count)).all()
        return list(islice(cycle(found), count))

    def _caller(self, principal: Principal) -> Caller:
        return {"Authorization": f"Bearer {self.library.token(principal)}"}
