"""Links of the OpenAPI document (OpenAPI 3.1, Link Object): which call goes on from an answer, and with which id.

They follow from the paths. A thing is what a collection `…/requests` gives where `…/requests/{request_id}` exists:
whoever answers with its schema has a `request_id` in `data.id`. Any field that is named as a parameter of a path is
one too, so that a request's `task_id` leads to its delivery.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
METHODS = frozenset({"get", "post", "put", "delete"})
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """`answers` are its successful JSON answers by status, in the document; `takes` the fields of its JSON body."""

    method: str
    path: str
    id: str
    answers: Mapping[str, "Answer"]
    takes: frozenset[str]

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(_PARAMETER.findall(self.path))

    @property
    def shows(self) -> str | None:
        """The parameter whose thing it shows: the last part of the path of a GET."""
        return self.names if self.method == "get" else None

    @property
    def names(self) -> str | None:
        """The parameter that is the last part of its path."""
        last = _PARAMETER.fullmatch(self.path.rpartition("/")[2])
        return last[1] if last else None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the document. `schema`: the name of that of its `data`, or of one item where `many`."""

    described: Document
    schema: str
    fields: frozenset[str]
    many: bool


def add_links(document: Document) -> Document:
    """The document, with the links that follow from its paths written into it."""
    operations = list(_operations(document))
    things = dict(_things(operations))
    for operation in operations:
        for answer in operation.answers.values():
            links = dict(_links(operation, answer, things, operations))
            if links:
                answer.described["links"] = links
    return document


def _operations(document: Document) -> Iterator[Operation]:
    schemas = document.get("components", {}).get("schemas", {})
    for path, item in document["paths"].items():
        for method, described in item.items():
            if method in METHODS:
                answers = {
                    status: answer
                    for status, response in described["responses"].items()
                    if status.startswith("2") and (answer := _answer(response, schemas))
                }
                yield Operation(method, path, described["operationId"], answers, _body_fields(described, schemas))


def _answer(response: Document, schemas: Document) -> Answer | None:
    """None for what is no envelope around a thing or a list of things."""
    data = _resolved(_schema(response), schemas).get("properties", {}).get("data", {})
    name = _name(data) or _name(data.get("items", {}))
    if name is None:
        return None
    return Answer(response, name, frozenset(schemas[name].get("properties", {})), many="items" in data)


def _body_fields(described: Document, schemas: Document) -> frozenset[str]:
    schema = _schema(described.get("requestBody", {}))
    return frozenset(_resolved(schema, schemas).get("properties", {}))


def _schema(content: Document) -> Document:
    found: Document = content.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def _resolved(schema: Document, schemas: Document) -> Document:
    name = _name(schema)
    found: Document = schemas[name] if name else schema
    return found


def _name(schema: Document) -> str | None:
    return schema["$ref"].rpartition("/")[2] if "$ref" in schema else None


def _things(operations: Sequence[Operation]) -> Iterator[tuple[str, str]]:
    """The schema of each kind of thing, and the parameter that its id is."""
    parameters = {one.path.rpartition("/")[0]: one.names for one in operations if one.names}
    for operation in operations:
        parameter = parameters.get(operation.path)
        if parameter and operation.method in ("get", "post"):
            # What is answered with another status (a place in a queue) is another thing.
            answer = operation.answers.get("200") or operation.answers.get("201")
            if answer and "id" in answer.fields:
                yield answer.schema, parameter


def _links(
    operation: Operation, answer: Answer, things: Mapping[str, str], operations: Sequence[Operation]
) -> Iterator[tuple[str, Document]]:
    """From one answer: to what can be done with the thing itself, and to the sight of what it names."""
    first = "$response.body#/data/0/" if answer.many else "$response.body#/data/"
    known = {name: first + name for name in answer.fields if name.endswith("_id")}
    own = things.get(answer.schema)
    if own:
        known[own] = first + "id"
    for target in operations:
        needed = target.parameters
        reachable = target is not operation and needed and known.keys() >= set(needed)
        if reachable and _follows(operation, answer, own, target):
            yield target.id, _link(target, parameters={name: known[name] for name in needed})
    yield from _undoing(operation, answer, operations)


def _follows(operation: Operation, answer: Answer, own: str | None, target: Operation) -> bool:
    """Whether an answer leads there. Whoever makes or sees a thing sees what to do with it; the rest look again."""
    if own in operation.parameters and operation.method != "get":
        return target.shows == own
    if own in target.parameters:
        return not answer.many or target.names == own
    return target.shows is not None


def _undoing(operation: Operation, answer: Answer, operations: Sequence[Operation]) -> Iterator[tuple[str, Document]]:
    """To `…/verb` below the same path whose whole body is an id that the answer gives (a stop and its release)."""
    for target in operations:
        if target.path.rpartition("/")[0] == operation.path and target.method == "post" and len(target.takes) == 1:
            (field,) = target.takes
            if field in answer.fields:
                same = {name: f"$request.path.{name}" for name in target.parameters}
                yield target.id, _link(target, parameters=same, requestBody={field: f"$response.body#/data/{field}"})


def _link(target: Operation, **values: Document) -> Document:
    given = {name: value for name, value in values.items() if value}
    return {"operationId": target.id, "description": f"{target.method.upper()} {target.path}", **given}
