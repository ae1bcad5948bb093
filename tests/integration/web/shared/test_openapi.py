"""The OpenAPI document says what is true."""

from typing import Any

import pytest
from fastapi import FastAPI

from luna_web.main import ALL
from luna_web.shared.errors import ErrorCode
from tests.integration.web.test_access import OPEN, PAGES
from tests.integration.world import Api

METHODS = ("get", "post", "put", "delete")


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", described)
        for path, item in document["paths"].items()
        for method, described in item.items()
        if method in METHODS
    ]


def schema_of(document: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of an answer, with its reference followed; {} where it is not JSON."""
    schema: dict[str, Any] = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def test_every_json_answer_is_the_envelope(document: dict[str, Any]) -> None:
    for name, described in operations(document):
        for status, answer in described["responses"].items():
            schema = schema_of(document, answer)
            if schema:
                expected = "error" if int(status) >= 400 else "data"
                assert {"success", expected, "meta"} <= set(schema["properties"]), f"{name} {status}"


def test_every_closed_operation_says_so_and_tells_of_401_and_403(document: dict[str, Any]) -> None:
    closed = {name: described for name, described in operations(document) if described.get("security")}
    opened = {name for name, described in operations(document) if not described.get("security")}

    assert opened == OPEN - set(PAGES)
    assert document["components"]["securitySchemes"]["bearer"]["bearerFormat"] == "JWT"
    for name, described in closed.items():
        assert {"401", "403"} <= set(described["responses"]), name


def test_the_error_codes_are_published_as_a_closed_list(document: dict[str, Any]) -> None:
    assert set(document["components"]["schemas"]["ErrorCode"]["enum"]) == {code.value for code in ErrorCode}


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [described["operationId"] for _, described in operations(document)]

    assert len(set(names)) == len(names)


def links(document: dict[str, Any], name: str, status: str) -> dict[str, dict[str, Any]]:
    """The links of an answer by the call that they lead to."""
    described = dict(operations(document))[name]["responses"][status].get("links", {})
    return {link["description"]: link for link in described.values()}


class TestLinks:
    def test_whoever_makes_a_thing_is_led_to_all_that_can_be_done_with_it(self, document: dict[str, Any]) -> None:
        led_to = links(document, "POST /api/v1/requests", "201")

        for verb in ("cancel", "complete", "approve"):
            link = led_to[f"PUT /api/v1/requests/{{request_id}}/{verb}"]
            assert link["parameters"] == {"request_id": "$response.body#/data/id"}
        assert led_to["GET /api/v1/deliveries/{task_id}"]["parameters"] == {"task_id": "$response.body#/data/task_id"}
        waiting = links(document, "POST /api/v1/requests", "202")
        assert "DELETE /api/v1/holds/{hold_id}" in waiting
        assert "PUT /api/v1/requests/{request_id}/cancel" not in waiting

    def test_a_list_leads_to_its_first_thing_and_an_act_to_another_look(self, document: dict[str, Any]) -> None:
        first = links(document, "GET /api/v1/loans", "200")["GET /api/v1/loans/{loan_id}"]
        assert first["parameters"] == {"loan_id": "$response.body#/data/0/id"}
        cancelled = links(document, "PUT /api/v1/returns/{return_id}/cancel", "202")
        assert "GET /api/v1/returns/{return_id}" in cancelled
        assert not any(call.startswith(("PUT", "POST", "DELETE")) for call in cancelled)

    def test_a_thing_below_another_is_named_with_both(self, document: dict[str, Any]) -> None:
        made = links(document, "POST /api/v1/books/{book_id}/copies", "201")
        assert made["PUT /api/v1/books/{book_id}/copies/{copy_id}"]["parameters"] == {
            "book_id": "$response.body#/data/book_id",
            "copy_id": "$response.body#/data/id",
        }

    def test_a_stop_leads_to_its_release(self, document: dict[str, Any]) -> None:
        path = "/api/v1/robot/emergency-stop/{robot_id}"
        assert links(document, f"POST {path}", "202")[f"POST {path}/release"] == {
            "operationId": "release_one_api_v1_robot_emergency_stop__robot_id__release_post",
            "description": f"POST {path}/release",
            "parameters": {"robot_id": "$request.path.robot_id"},
            "requestBody": {"estop_id": "$response.body#/data/estop_id"},
        }

    def test_every_link_leads_to_a_call_of_the_same_document(self, app: FastAPI, client: Api) -> None:
        for service in ALL:
            own = client.http.get(f"/api/v1/{service.name}/openapi.json").json()
            known = {described["operationId"] for _, described in operations(own)}
            targets = {
                link["operationId"]
                for _, described in operations(own)
                for answer in described["responses"].values()
                for link in answer.get("links", {}).values()
            }
            assert targets
            assert targets <= known


def test_each_service_has_a_document_of_its_own_and_there_is_one_of_all(client: Api) -> None:
    whole = client.http.get("/openapi.json").json()["paths"]
    for service in ALL:
        own = client.http.get(f"/api/v1/{service.name}/openapi.json").json()["paths"]
        assert own
        assert set(own) <= set(whole)
    assert client.http.get("/docs").status_code == 200
