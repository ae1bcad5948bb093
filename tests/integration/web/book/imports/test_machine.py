"""Any files, imported in any order, with a death at any batch: the catalog is what it would be without."""

import io
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select, text

from luna_web.book.imports import repository, service
from luna_web.book.imports.domain import Described, ImportFormat, ImportOptions, ImportState, Rejected
from luna_web.book.imports.importing import Claim, Import
from luna_web.book.imports.models import ImportJob
from luna_web.book.imports.readers.opening import open_reader
from luna_web.book.imports.service import Uploaded, Wanted
from luna_web.book.isbn import check_digit
from luna_web.book.marc import CatalogRecord
from luna_web.shared.database import SessionFactory, transaction
from tests.integration.conftest import Sweeper
from tests.integration.web.book.imports.desk import BOOKS, LEASE
from tests.unit.web.book.imports.files import jsonl_file
from tests.unit.web.book.imports.library import Library

BATCH = 2
ISBNS = [body + check_digit(body) for body in ("978000000001", "978000000002", "978000000003")]
MAYBE = st.sampled_from(["", "x", "y"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {"title": st.sampled_from(["Dune", "DUNE", "Emma", ""])},
        optional={
            "author": MAYBE,
            "year": st.just("1965"),
            "isbn": st.lists(st.sampled_from([*ISBNS, "123"]), max_size=2),
            "control_number": st.sampled_from(["c1", "c2"]),
            "publisher": MAYBE,
            "title_romanized": MAYBE,
            "barcode": st.lists(st.sampled_from(["B01", "B02", "B03"]), max_size=2),
            "shelf": MAYBE,
            "copies": st.integers(0, 2),
        },
    ),
    min_size=1,
    max_size=7,
)
Row = dict[str, Any]
_EXPIRE = text("UPDATE import_jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'RUNNING'")


class Died(BaseException):
    """kill -9, as far as a test in one process can tell."""


class Machine(RuleBasedStateMachine):
    factory: SessionFactory
    sweeper: Sweeper

    def __init__(self) -> None:
        super().__init__()
        self.sweeper.sweep()
        self.library = Library()
        self.waiting: list[tuple[list[Row], int]] = []
        self.last: tuple[list[Row], int] | None = None

    @rule(rows=ROWS, copies=st.sampled_from([0, 0, 2]))
    def send(self, rows: list[Row], copies: int) -> None:
        self._send(rows, copies)

    @precondition(lambda self: self.last is not None and not self.waiting)
    @rule()
    def send_the_same_again(self) -> None:
        assert self.last is not None
        self._send(*self.last)
        before = self._versions()
        self.work(None)
        assert self._newest().unchanged == self._newest().position - self._newest().rejected
        assert self._versions() == before

    @precondition(lambda self: self.waiting)
    @rule(batches=st.one_of(st.none(), st.integers(1, 3)))
    def work(self, batches: int | None) -> None:
        """Take the first job that waits; die behind so many batches, or see it through."""
        with transaction(self.factory) as session:
            session.execute(_EXPIRE)
            claim_id = uuid4()
            job = repository.claim(session, claim_id, LEASE, 1000)
        assert job is not None
        left = [batches or 1000]

        def committed() -> None:
            left[0] -= 1
            if not left[0]:
                raise Died

        try:
            Import(self.factory, Claim(job.id, claim_id, LEASE), committed=committed, batch_size=BATCH).run()
        except Died:
            return
        self.last = self.waiting.pop(0)
        self._load(*self.last)

    @precondition(lambda self: not self._running())
    @invariant()
    def the_catalog_is_that_of_the_model(self) -> None:
        assert self._books() == sorted(map(repr, (title.book for title in self.library.titles.values())))
        assert self._copies() == sorted(
            (self.library.titles[copy.book_id].book.title, copy.barcode or "made", copy.shelf or "")
            for copy in self.library.copies.values()
        )

    def _send(self, rows: list[Row], copies: int) -> None:
        content = jsonl_file(rows)
        asked = Wanted(format=ImportFormat.JSONL, options=ImportOptions(copies=copies))
        with transaction(self.factory) as session:
            job_id = service.begin(session, None, asked)
            service.store_piece(session, job_id, 0, content)
            service.queue(session, None, job_id, asked, Uploaded(len(content), b"0" * 32, content, None, None))
        self.waiting.append((rows, copies))

    def _load(self, rows: list[Row], copies: int) -> None:
        self.library.load(described(rows), default_copies=copies)

    def _running(self) -> bool:
        with transaction(self.factory) as session:
            query = select(func.count()).select_from(ImportJob).where(ImportJob.state == ImportState.RUNNING)
            return bool(session.scalar(query))

    def _newest(self) -> ImportJob:
        with transaction(self.factory) as session:
            return session.scalars(select(ImportJob).order_by(ImportJob.queued_at.desc()).limit(1)).one()

    def _books(self) -> list[str]:
        with transaction(self.factory) as session:
            rows = session.execute(text(BOOKS)).mappings().all()
        made = [{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()} for row in rows]
        return sorted(repr(CatalogRecord(**row)) for row in made)

    def _copies(self) -> list[tuple[str, str, str]]:
        query = "SELECT b.title, c.barcode, c.shelf_location FROM copies c JOIN books b ON b.id = c.book_id"
        with transaction(self.factory) as session:
            found = session.execute(text(query)).all()
        return sorted((row[0], row[1] if len(row[1]) == 3 else "made", row[2] or "") for row in found)

    def _versions(self) -> list[Any]:
        query = "SELECT id, version FROM books UNION ALL SELECT id, version FROM copies ORDER BY 1"
        with transaction(self.factory) as session:
            return [tuple(row) for row in session.execute(text(query))]


def described(rows: list[Row]) -> list[Described]:
    """What a file says, without the records that it has rejected."""
    content = jsonl_file(rows)
    reader = open_reader(ImportFormat.JSONL, io.BytesIO(content), len(content), ImportOptions(), 2027)
    found = []
    for item in reader.items():
        try:
            found.append(reader.describe(item.content))
        except Rejected:
            continue
    return found


def test_deaths_change_nothing(import_factory: SessionFactory, sweeper: Sweeper, runtime: object) -> None:
    Machine.factory, Machine.sweeper = import_factory, sweeper

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
