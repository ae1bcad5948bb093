"""The frames of the live channel as TypeScript types: `python -m luna_web.notification.live.typescript > FILE`.

From the JSON Schema (2020-12) of the models in `frames`, so that the client's types cannot drift from the server's.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from luna_web.notification.live.frames import ClientFrame, ServerFrame

HEADER = """\
// The frames of LUNA's live channel. Made by `python -m luna_web.notification.live.typescript`; do not edit.
"""
Schema = Mapping[str, Any]
_SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def typescript() -> str:
    """The module's text."""
    definitions: dict[str, Schema] = {}
    unions = {"ClientFrame": _read(ClientFrame, "validation", definitions),
              "ServerFrame": _read(ServerFrame, "serialization", definitions)}  # fmt: skip
    parts = [HEADER, *(_declared(name, schema) for name, schema in definitions.items())]
    parts += [f"export type {name} = {_type(schema)};\n" for name, schema in unions.items()]
    return "\n".join(parts)


def _read(frame: Any, mode: JsonSchemaMode, definitions: dict[str, Schema]) -> Schema:
    schema = TypeAdapter(frame).json_schema(mode=mode)
    definitions |= schema.pop("$defs")
    return schema


def _declared(name: str, schema: Schema) -> str:
    comment = f"/** {schema['description']} */\n" if "description" in schema else ""
    if schema.get("type") != "object":
        return f"{comment}export type {name} = {_type(schema)};\n"
    required = set(schema.get("required", ()))
    lines = [
        f"  {key}{'' if key in required else '?'}: {_type(value)};" for key, value in schema["properties"].items()
    ]
    return f"{comment}export interface {name} {{\n" + "\n".join(lines) + "\n}\n"


def _type(schema: Schema) -> str:
    """The type of a schema of the kinds that our models come to. Raises KeyError for another kind."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for union in ("oneOf", "anyOf"):
        if union in schema:
            return _either([_type(one) for one in schema[union]])
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return _either([f'"{value}"' for value in schema["enum"]])
    if schema["type"] == "array":
        return f"{_type(schema['items'])}[]"
    if schema["type"] == "object":
        values = schema.get("additionalProperties", True)
        return f"Record<string, {'unknown' if isinstance(values, bool) else _type(values)}>"
    return _SCALARS[schema["type"]]


def _either(types: Sequence[str]) -> str:
    return " | ".join(dict.fromkeys(types))


if __name__ == "__main__":
    sys.stdout.write(typescript())
