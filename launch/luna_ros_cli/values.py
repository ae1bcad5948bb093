"""Messages as YAML and back, as rosidl_runtime_py has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import yaml
from rosidl_parser.definition import (
    AbstractNestedType,
    AbstractString,
    AbstractWString,
    Array,
    BasicType,
    NamespacedType,
)

from luna_ros_cli.errors import CommandError, near
from luna_ros_cli.interfaces import load

LONGEST = 128
"""Elements of an array, or signs of a text, that are shown."""
FLOATS = ("float", "double", "long double")
TIME = ["builtin_interfaces", "msg", "Time"]
HEADER = ["std_msgs", "msg", "Header"]


def parse(text: str, what: str) -> dict[str, Any]:
    """A YAML mapping of field names to values. Raises CommandError."""
    try:
        value = yaml.safe_load(text or "{}")
    except yaml.YAMLError as error:
        raise CommandError(f"{what}: not YAML: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CommandError(f'{what}: a mapping is wanted, such as "{{field: value}}", not {text!r}')
    return value


def plain(value: Any, longest: int | None = LONGEST) -> Any:
    """Mappings, lists and scalars of a message or of one of its fields; longer ones are cut, and end with `...`."""
    if hasattr(value, "get_fields_and_field_types"):
        return {name: plain(getattr(value, name), longest) for name in value.get_fields_and_field_types()}
    if isinstance(value, bytes):
        value = "".join(map(chr, value))
    cut = longest is not None and hasattr(value, "__len__") and len(value) > longest
    if isinstance(value, str):
        return f"{value[:longest]}..." if cut else value
    if isinstance(value, bool | int | float):
        return value
    items = value.tolist() if hasattr(value, "tolist") else list(value)
    shown = [plain(item, longest) for item in (items[:longest] if cut else items)]
    return [*shown, "..."] if cut else shown


def text(value: Any, longest: int | None = LONGEST) -> str:
    """YAML of a message, ended by a line break; a scalar as it is."""
    simple = plain(value, longest)
    if not isinstance(simple, dict | list):
        return f"{simple}\n"
    return str(yaml.dump(simple, sort_keys=False, allow_unicode=True, width=math.inf))


def made(kind: Any, values: Mapping[Any, Any], now: Any = None, path: str = "") -> Any:
    """A message of a class, from a mapping of its fields. ``now`` is the Time of `now` and of a header `auto`.

    Raises CommandError for a field that is not there or does not take the value.
    """
    message = kind(check_fields=True)  # else values of the wrong type go into it, and end the process when it is sent
    slots = dict(zip(message.get_fields_and_field_types(), kind.SLOT_TYPES, strict=True))
    for key, value in values.items():
        name, where = str(key), f"{path}{key}"
        if name not in slots:
            raise CommandError(f"{where}: {kind.__name__} has no such field{near(name, slots)}")
        converted = _converted(slots[name], value, now, where)
        try:
            setattr(message, name, converted)
        except (AssertionError, TypeError, ValueError, OverflowError) as error:
            wanted = message.get_fields_and_field_types()[name]
            raise CommandError(f"{where}: {value!r} is no {wanted}") from error
    return message


def _converted(slot: Any, value: Any, now: Any, path: str) -> Any:
    if isinstance(slot, NamespacedType):
        return _nested(slot, value, now, path)
    if isinstance(slot, AbstractNestedType):
        if not isinstance(value, list | tuple) and not (isinstance(value, str) and _is_octet(slot.value_type)):
            raise CommandError(f"{path}: a list is wanted, not {value!r}")
        if isinstance(slot, Array) and len(value) != slot.size:
            raise CommandError(f"{path}: {slot.size} values are wanted, not {len(value)}")
        one = partial(_converted, slot.value_type, now=now)
        return [one(item, path=f"{path}[{number}]") for number, item in enumerate(value)]
    if isinstance(slot, AbstractString | AbstractWString):
        return value if isinstance(value, str) else _scalar_text(value, path)
    return _number(slot, value)


def _nested(slot: NamespacedType, value: Any, now: Any, path: str) -> Any:
    names = slot.namespaced_name()
    kind = load(names[1], "/".join(names))
    if now is not None and value == "now" and list(names) == TIME:
        return now
    if now is not None and value == "auto" and list(names) == HEADER:
        return kind(stamp=now)
    if not isinstance(value, dict):
        raise CommandError(f"{path}: a mapping of {names[-1]}'s fields is wanted, not {value!r}")
    return made(kind, value, now, f"{path}.")


def _number(slot: BasicType, value: Any) -> Any:
    if slot.typename in FLOATS and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if _is_octet(slot):
        return bytes([value]) if isinstance(value, int) and 0 <= value < 256 else str(value).encode()
    return value


def _is_octet(slot: Any) -> bool:
    return isinstance(slot, BasicType) and slot.typename == "octet"


def _scalar_text(value: Any, path: str) -> str:
    """YAML reads 12 as a number and yes as a truth, where somebody who writes a string may mean just that."""
    if isinstance(value, dict | list) or value is None:
        raise CommandError(f"{path}: a text is wanted, not {value!r}")
    return str(value)
