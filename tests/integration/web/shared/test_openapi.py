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


def test_each_service_has_a_document_of_its_own_and_there_is_one_of_all(client: Api) -> None:
    whole = client.http.get("/openapi.json").json()["paths"]
    for service in ALL:
        own = client.http.get(f"/api/v1/{service.name}/openapi.json").json()["paths"]
        assert own
        assert set(own) <= set(whole)
    assert client.http.get("/docs").status_code == 200
