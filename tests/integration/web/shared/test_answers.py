"""What every answer has, whatever is asked."""

import json

import pytest
from structlog.testing import capture_logs

from tests.integration.world import Api, Catalog, data, refused


class TestEnvelope:
    def test_an_unknown_path(self, client: Api) -> None:
        refused(client.get("/no-such-thing"), 404, "NOT_FOUND")
        refused(client.get("//elsewhere"), 404, "NOT_FOUND")

    def test_a_method_that_a_path_does_not_take(self, client: Api) -> None:
        answer = client.delete("/auth/login")

        refused(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["Allow"] == "POST"

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b'{"email": ',
            b"\xff\xfe",
            b"not json",
            b"NaN",
            b'{"email": Infinity}',
            '{"email": ""}'.encode("utf-16"),
            b"9" * 9000,
        ],
    )
    def test_a_body_that_is_not_json(self, client: Api, body: bytes) -> None:
        answer = client.post("/auth/login", content=body, headers={"Content-Type": "application/json"})

        refused(answer, 400, "MALFORMED_JSON")

    @pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"text"', b"{}"])
    def test_json_that_is_not_what_was_asked_for(self, client: Api, body: bytes) -> None:
        answer = client.post("/auth/login", content=body, headers={"Content-Type": "application/json"})

        assert refused(answer, 422, "VALIDATION_ERROR")["fields"]

    def test_json_nested_beyond_reason(self, client: Api) -> None:
        answer = client.post("/auth/login", content=b"[" * 200_000, headers={"Content-Type": "application/json"})

        refused(answer, 400, "MALFORMED_JSON")

    def test_json_nested_as_deep_as_anybody_needs_and_one_deeper(self, client: Api) -> None:
        for depth, status in ((30, 422), (33, 400)):
            body = b'{"email": ' + b"[" * depth + b"]" * depth + b"}"
            answer = client.post("/auth/login", content=body, headers={"Content-Type": "application/json"})

            assert answer.status_code == status, answer.text

    def test_brackets_in_text_nest_nothing(self, client: Api) -> None:
        answer = client.post("/auth/login", {"email": '[{"\\' * 100, "password": "x"})

        assert answer.status_code != 400

    def test_a_key_that_comes_twice(self, client: Api) -> None:
        body = b'{"email": "a@example.org", "password": "x", "email": "b@example.org"}'

        answer = client.post("/auth/login", content=body, headers={"Content-Type": "application/json"})

        refused(answer, 400, "MALFORMED_JSON")
        assert "'email' comes twice" in answer.json()["error"]["message"]

    @pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
    def test_a_body_of_another_kind(self, client: Api, kind: str) -> None:
        answer = client.post("/auth/login", content=b"{}", headers={"Content-Type": kind} if kind else {})

        refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")

    def test_a_body_that_is_too_large(self, client: Api) -> None:
        headers = {"Content-Type": "application/json"}

        refused(client.post("/auth/login", content=b" " * (1 << 20) + b"{}", headers=headers), 413, "PAYLOAD_TOO_LARGE")

    def test_a_body_that_is_too_large_and_does_not_say_so(self, client: Api) -> None:
        chunks = (b" " * 65_536 for _ in range(20))

        refused(
            client.post("/auth/login", content=chunks, headers={"Content-Type": "application/json"}),
            413,
            "PAYLOAD_TOO_LARGE",
        )

    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    def test_only_an_upload_may_be_large(self, client: Api, method: str) -> None:
        """The path of an upload is, with another method, a book of that id."""
        large, kind = b"x" * (2 << 20), {"Content-Type": "text/csv"}

        refused(client.call(method, "/books/bulk-import", content=large, headers=kind), 413, "PAYLOAD_TOO_LARGE")

    def test_fields_that_are_wrong_are_named_each(self, client: Api) -> None:
        details = refused(
            client.post("/auth/register", {"email": "nobody", "first_name": "", "surprise": 1}), 422, "VALIDATION_ERROR"
        )

        assert set(details["fields"]) == {"email", "password", "first_name", "last_name", "surprise"}

    def test_another_version_is_not_to_be_had(self, client: Api) -> None:
        refused(client.get("/auth/me", headers={"Accept-Version": "v2"}), 406, "NOT_ACCEPTABLE")

    @pytest.mark.parametrize("text", ["a\x00b", "\ud83d"])
    def test_text_that_no_database_can_hold(self, client: Api, text: str) -> None:
        body = {"email": "a@example.org", "password": "Secret-123", "first_name": text, "last_name": "B"}

        answer = client.post("/auth/register", content=json.dumps(body), headers={"Content-Type": "application/json"})

        refused(answer, 422, "VALIDATION_ERROR")


class TestRequestId:
    def test_a_sane_one_comes_back(self, client: Api) -> None:
        assert client.get("/x", headers={"X-Request-ID": "demo-1234"}).headers["X-Request-ID"] == "demo-1234"

    def test_another_is_replaced(self, client: Api) -> None:
        assert client.get("/x", headers={"X-Request-ID": "<script>"}).headers["X-Request-ID"] != "<script>"


class TestTrailingSlash:
    @pytest.mark.parametrize("path", ["/books", "/books/", "/auth/me", "/auth/me/", "//health/live", "//health/live/"])
    def test_a_path_answers_with_and_without_it(self, student: Api, catalog: Catalog, path: str) -> None:
        catalog.add()

        answer = student.get(path)

        assert (answer.status_code, answer.history) == (200, [])


class TestTokens:
    @pytest.mark.parametrize(
        "header", [None, "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "bearer a.b.c", "Bearer " + "x" * 9000]
    )
    def test_without_a_good_one_nobody_gets_in(self, client: Api, header: str | None) -> None:
        answer = client.get("/auth/me", headers={"Authorization": header} if header else {})

        refused(answer, 401, "UNAUTHENTICATED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_the_scheme_may_be_written_small(self, student: Api) -> None:
        data(student.get("/auth/me", headers={"Authorization": f"bearer {student.token}"}))


class TestRefusals:
    def test_who_was_turned_away_from_what_is_in_the_log(self, student: Api) -> None:
        with capture_logs() as lines:
            student.get("/deliveries")

        (line,) = [line for line in lines if line["event"] == "access_refused"]
        assert (line["code"], line["method"], line["path"]) == ("FORBIDDEN", "GET", "/api/v1/deliveries")
        assert line["user_id"]

    def test_the_token_is_not(self, client: Api) -> None:
        with capture_logs() as lines:
            client.as_token("e30.e30.secret").get("/deliveries")

        assert [line["event"] for line in lines] == ["access_refused"]
        assert "secret" not in str(lines)
