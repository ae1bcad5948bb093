"""Bulk import over HTTP: taking files in, telling how they fare, stopping them."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from luna_web.book.imports.chunks import CHUNK
from luna_web.book.imports.service import MOST_UNFINISHED
from tests.integration.web.book.imports.desk import Desk
from tests.integration.world import Api, data, refused
from tests.unit.web.book.imports.files import csv_file, title_record

BOOKS = csv_file([{"title": "Dune", "barcode": "B001"}])
UPLOAD = "/books/bulk-import"


def chunks(desk: Desk) -> list[tuple[int, int]]:
    return [
        tuple(row.values()) for row in desk.rows("SELECT number, length(content) FROM import_chunks ORDER BY number")
    ]  # type: ignore[misc]


class TestUpload:
    def test_a_file_waits_in_pieces_for_a_worker(self, desk: Desk) -> None:
        content = b"title\n" + b"Dune\n" * ((2 * CHUNK) // 5 + 7)

        job = desk.send(content, "text/csv", file_name="C:\\books\\all books.csv")

        assert (job["state"], job["format"], job["file_name"]) == ("QUEUED", "CSV", "all books.csv")
        assert (job["size_bytes"], job["progress"], job["rows_read"], job["dry_run"]) == (len(content), 0, 0, False)
        assert chunks(desk) == [(0, CHUNK), (1, CHUNK), (2, len(content) - 2 * CHUNK)]
        assert desk.events(job["id"]) == ["catalog.import.queued"]

    def test_a_form_with_a_file(self, desk: Desk) -> None:
        answer = desk.api.post(UPLOAD, files={"file": ("büch.mrc", title_record("Dune").as_marc())}, data={"a": "b"})

        job = data(answer, 202)
        assert (job["format"], job["file_name"]) == ("MARC", "büch.mrc")

    def test_what_is_asked_for_is_kept_with_the_job(self, desk: Desk) -> None:
        job = desk.send(
            b"Haupteintrag\nDune\n", format="csv", encoding="cp1252", separator="semicolon", copies=2, dry_run="true",
            mapping=["Haupteintrag:title", "A:b:-"],
        )  # fmt: skip

        assert (job["format"], job["dry_run"]) == ("CSV", True)
        assert job["options"] == {
            "encoding": "cp1252", "separator": "semicolon", "mapping": {"Haupteintrag": "title", "A:b": "-"},
            "sheet": None, "copies": 2,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"mapping": "Titel"}, "mapping"),
            ({"mapping": "Titel:titel"}, "mapping"),
            ({"encoding": "klingon"}, "encoding"),
            ({"separator": "::"}, "separator"),
            ({"separator": '"'}, "separator"),
            ({"format": "PDF"}, "format"),
            ({"copies": 101}, "copies"),
            ({"dry_run": "perhaps"}, "dry_run"),
            ({"sheet": "a\x00b"}, "sheet"),
        ],
    )
    def test_what_makes_no_sense_is_told_before_the_file_is_taken(
        self, desk: Desk, params: dict[str, Any], field: str
    ) -> None:
        answer = desk.api.post(UPLOAD, content=BOOKS, params=params)

        assert field in refused(answer, 422, "VALIDATION_ERROR")["fields"]
        assert desk.rows("SELECT id FROM import_jobs") == []

    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [(b"", 422, "VALIDATION_ERROR"), (b"%PDF-1.7 nonsense", 415, "UNSUPPORTED_MEDIA_TYPE")],
    )
    def test_what_is_no_file_to_import_leaves_nothing(self, desk: Desk, content: bytes, status: int, code: str) -> None:
        refused(desk.api.post(UPLOAD, content=content), status, code)

        assert desk.rows("SELECT id FROM import_jobs") == []
        assert chunks(desk) == []

    @pytest.mark.parametrize("told", [True, False])
    def test_a_file_that_is_too_large_leaves_nothing(self, desk: Desk, small_uploads: None, told: bool) -> None:
        content = b"title\n" + b"x" * (2 * CHUNK)

        def body() -> Iterator[bytes]:
            yield content

        refused(desk.api.post(UPLOAD, content=content if told else body()), 413, "PAYLOAD_TOO_LARGE")

        assert desk.rows("SELECT id FROM import_jobs") == []
        assert chunks(desk) == []

    def test_a_form_that_breaks_off_leaves_nothing(self, desk: Desk) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + b"x" * (CHUNK + 10)

        answer = desk.api.post(UPLOAD, content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})

        refused(answer, 400, "UPLOAD_INCOMPLETE")
        assert desk.rows("SELECT id FROM import_jobs") == []

    def test_the_queue_has_an_end(self, desk: Desk) -> None:
        for _ in range(MOST_UNFINISHED):
            desk.send(BOOKS)

        refused(desk.api.post(UPLOAD, content=BOOKS), 409, "LIMIT_REACHED")


class TestIdempotency:
    KEY = {"Idempotency-Key": "import-1"}  # noqa: RUF012

    def send(self, desk: Desk, content: bytes = BOOKS, **params: str) -> Any:
        return desk.api.post(UPLOAD, content=content, headers=self.KEY, params=params)

    def test_the_same_file_with_the_same_key_is_one_job(self, desk: Desk) -> None:
        first, again = self.send(desk), self.send(desk)

        assert data(first, 202) == data(again, 202)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["Location"] == first.headers["Location"]
        assert len(desk.rows("SELECT id FROM import_jobs")) == 1

    @pytest.mark.parametrize(("content", "params"), [(BOOKS + b"Emma,\n", {}), (BOOKS, {"dry_run": "true"})])
    def test_another_file_or_other_options_with_the_same_key_are_refused(
        self, desk: Desk, content: bytes, params: dict[str, str]
    ) -> None:
        self.send(desk)

        refused(self.send(desk, content, **params), 422, "IDEMPOTENCY_KEY_REUSED")
        assert len(desk.rows("SELECT id FROM import_jobs")) == 1

    def test_a_key_that_is_none_is_told_so(self, desk: Desk) -> None:
        refused(desk.api.post(UPLOAD, content=BOOKS, headers={"Idempotency-Key": "a b"}), 422, "VALIDATION_ERROR")


class TestTelling:
    def test_what_was_found_out_about_the_file_is_shown(self, desk: Desk) -> None:
        job = desk.done("Titel;Preis\nÉmile;9\n".encode("cp1252"), encoding="cp1252")

        assert job["detected"] == {
            "encoding": "cp1252", "separator": ";", "sheet": None,
            "columns": [{"name": "Titel", "field": "title"}, {"name": "Preis", "field": None}],
        }  # fmt: skip
        assert [(one["field"], one["record"]) for one in desk.errors(job["id"])] == [("Preis", None)]
        assert job["warnings"] == 1

    def test_rejected_records_say_where_which_field_and_why(self, desk: Desk) -> None:
        job = desk.done(
            csv_file([{"title": "Dune", "isbn": "123"}, {"title": "", "isbn": ""}, {"title": "Emma", "isbn": ""}])
        )

        assert desk.errors(job["id"], severity="REJECTED") == []
        job = desk.done(csv_file([{"title": "Dune", "isbn": "123"}, {"title": "", "isbn": "9"}]))
        rejected, warned = (desk.errors(job["id"], severity=one)[0] for one in ("REJECTED", "WARNING"))
        assert {name: rejected[name] for name in ("record", "line", "field", "reason")} == {
            "record": 2, "line": 3, "field": "title", "reason": "there is no title",
        }  # fmt: skip
        assert (warned["record"], warned["field"], warned["value"]) == (1, "isbn", "123")

    def test_errors_come_in_pages(self, desk: Desk) -> None:
        job = desk.done(csv_file([{"title": "", "author": str(number)} for number in range(7)]))

        body = desk.api.get(f"/books/imports/{job['id']}/errors", params={"limit": 3, "page": 3}).json()

        assert [one["record"] for one in body["data"]] == [7]
        assert body["pagination"]["total"] == 7

    def test_errors_are_a_csv_file_without_formulas(self, desk: Desk) -> None:
        job = desk.done(csv_file([{"title": "Dune", "isbn": "=HYPERLINK(1)"}, {"title": "Emma", "isbn": "-1+2"}]))

        answer = desk.api.get(f"/books/imports/{job['id']}/errors.csv")

        assert answer.headers["Content-Type"].startswith("text/csv")
        assert "attachment" in answer.headers["Content-Disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert [(row["severity"], row["line"], row["value"]) for row in rows] == [
            ("WARNING", "2", "'=HYPERLINK"), ("WARNING", "3", "'-1+2"),
        ]  # fmt: skip

    def test_the_newest_come_first_and_can_be_narrowed(self, desk: Desk) -> None:
        first, second = desk.send(BOOKS), desk.send(BOOKS)
        desk.work()

        listed = data(desk.api.get("/books/imports"))
        waiting = data(desk.api.get("/books/imports", params={"state": "QUEUED"}))

        assert [job["id"] for job in listed] == [second["id"], first["id"]]
        assert [job["id"] for job in waiting] == [second["id"]]

    @pytest.mark.parametrize("path", ["", "/errors", "/errors.csv"])
    def test_what_is_no_import_is_not_found(self, desk: Desk, path: str) -> None:
        refused(desk.api.get(f"/books/imports/{uuid4()}{path}"), 404, "NOT_FOUND")

    def test_the_audit_trail_knows_who_imported(self, desk: Desk) -> None:
        job = desk.send(BOOKS, file_name="books.csv")

        (row,) = desk.rows("SELECT action, resource_id, changes FROM audit_logs")
        assert (row["action"], row["resource_id"], row["changes"]["file_name"]) == (
            "import.created", job["id"], "books.csv",
        )  # fmt: skip


class TestCancel:
    def cancel(self, desk: Desk, job: dict[str, Any]) -> Any:
        return desk.api.put(f"/books/imports/{job['id']}/cancel")

    def test_one_that_waits_never_runs(self, desk: Desk) -> None:
        job = desk.send(BOOKS)

        assert data(self.cancel(desk, job))["state"] == "CANCELLED"
        assert data(self.cancel(desk, job))["state"] == "CANCELLED"
        assert not desk.work()
        assert desk.events(job["id"]) == ["catalog.import.queued", "catalog.import.cancelled"]

    def test_one_that_has_ended_cannot_be_stopped(self, desk: Desk) -> None:
        refused(self.cancel(desk, desk.done(BOOKS)), 409, "ILLEGAL_TRANSITION")

    def test_what_is_no_import_is_not_found(self, desk: Desk) -> None:
        refused(self.cancel(desk, {"id": uuid4()}), 404, "NOT_FOUND")


def test_a_student_sees_nothing_of_imports(student: Api, desk: Desk) -> None:
    job = desk.send(BOOKS)

    for path in ("/books/imports", f"/books/imports/{job['id']}", f"/books/imports/{job['id']}/errors.csv"):
        refused(student.get(path), 403, "FORBIDDEN")
