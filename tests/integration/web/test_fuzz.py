"""Schemathesis over accounts and catalog, as nobody and as each role: no 5xx, no answer that the document lacks."""

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.schemas import BaseSchema

from luna_web.shared.principal import Role
from tests.integration.world import Api, People

EXAMPLES = 8
SERVICES = r"^/api/v1/(auth|books)"
load_all_checks()
HELD = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)


@pytest.fixture(scope="module")
def schema(app: FastAPI) -> BaseSchema:
    return schemathesis.openapi.from_dict(app.openapi()).include(path_regex=SERVICES)


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role or "nobody")
def test_whatever_is_sent_the_answer_is_one_that_the_document_has(
    schema: BaseSchema, client: Api, people: People, role: Role | None
) -> None:
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: Any) -> None:
        # Somebody new for each call: what one call ends or changes must not shield the next.
        api = people.make(role).api if role else client
        case.headers = {**(case.headers or {}), **({"Authorization": f"Bearer {api.token}"} if api.token else {})}
        case.validate_response(send(client, case), checks=HELD)

    for found in schema.get_all_operations():
        given(case=found.ok().as_strategy())(holds)()


def send(client: Api, case: Any) -> Any:
    sent = case.as_transport_kwargs(base_url="http://luna.test")
    if isinstance(sent.get("data"), bytes | str):
        sent["content"] = sent.pop("data")
    if cookies := sent.pop("cookies", None):
        sent["headers"]["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    answer = client.http.request(**sent)
    answer.request.read()  # Schemathesis tells of it
    return answer
