"""A librarian with files, and an importer that can be made to work, and to die."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from luna_web.book.imports import repository
from luna_web.book.imports.importing import Claim, Import
from luna_web.shared.database import SessionFactory, transaction
from tests.integration.world import Api, Json, data

LEASE = timedelta(seconds=60)
BOOKS = (
    "SELECT title, title_romanized, author, author_romanized, isbn13, isbn_given, isbns_other, isbns_invalid,"
    " control_number, publisher, publication_year, description, language, call_number, cover_image_url"
    " FROM books WHERE deleted_at IS NULL ORDER BY id"
)


@dataclass
class Desk:
    """`factory`: of the importing process. `api`: a librarian's."""

    api: Api
    factory: SessionFactory

    def send(self, content: bytes, kind: str = "application/octet-stream", **params: Any) -> Json:
        """Upload a file; the job as it was answered."""
        answer = self.api.post("/books/bulk-import", content=content, headers={"Content-Type": kind}, params=params)
        job: Json = data(answer, 202)
        assert answer.headers["Location"] == f"/api/v1/books/imports/{job['id']}"
        return job

    def work(self, committed: Callable[[], None] = lambda: None) -> bool:
        """Take the next job and do it, in this process; False if none waits. `committed` is called after each batch."""
        claim_id = uuid4()
        with transaction(self.factory) as session:
            job = repository.claim(session, claim_id, LEASE, 5)
        if job is None:
            return False
        Import(self.factory, Claim(job.id, claim_id, LEASE), committed=committed).run()
        return True

    def forget_claims(self) -> None:
        """As when the lease of who died has run out."""
        self.execute("UPDATE import_jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'RUNNING'")

    def done(self, content: bytes, **params: Any) -> Json:
        """Upload a file and import it; the job as it ended."""
        job = self.send(content, **params)
        assert self.work()
        return self.job(job["id"])

    def job(self, job_id: str) -> Json:
        found: Json = data(self.api.get(f"/books/imports/{job_id}"))
        assert found["rows_read"] == sum(found[name] for name in ("added", "updated", "unchanged", "rejected"))
        return found

    def errors(self, job_id: str, **params: Any) -> list[Json]:
        found: list[Json] = data(self.api.get(f"/books/imports/{job_id}/errors", params={"limit": 100, **params}))
        return found

    def books(self) -> list[Json]:
        return self.rows(BOOKS)

    def copies(self) -> list[tuple[str, str, str | None]]:
        """Of each its title, barcode and shelf."""
        query = (
            "SELECT b.title, c.barcode, c.shelf_location FROM copies c JOIN books b ON b.id = c.book_id"
            " ORDER BY b.title, c.barcode"
        )
        return [tuple(row.values()) for row in self.rows(query)]  # type: ignore[misc]

    def rows(self, query: str, **values: Any) -> list[Json]:
        with transaction(self.factory) as session:
            return [dict(row) for row in session.execute(text(query), values).mappings()]

    def execute(self, statement: str, **values: Any) -> None:
        with transaction(self.factory) as session:
            session.execute(text(statement), values)

    def events(self, job_id: str) -> list[str]:
        query = "SELECT event_type FROM outbox WHERE aggregate = :name ORDER BY aggregate_seq"
        return [row["event_type"] for row in self.rows(query, name=f"import:{UUID(job_id)}")]


def counts(job: Json) -> tuple[int, int, int, int]:
    """Added, updated, unchanged, rejected."""
    return job["added"], job["updated"], job["unchanged"], job["rejected"]
