"""Frozen dataclasses to JSON values and back, by their type hints, for the journal."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


def encode(value: Any) -> Any:
    """A JSON value: fields at their default are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: encode(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if f.default is dataclasses.MISSING or getattr(value, f.name) != f.default
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], raw: Any) -> T:
    """The value of that dataclass.

    Raises:
        ValueError, TypeError, KeyError: `raw` is not one.
    """
    decoded: T = _decode(kind, raw)
    return decoded


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, raw: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return None if raw is None else _decode(_without_none(kind), raw)
    if origin is tuple:
        return tuple(_decode(typing.get_args(kind)[0], item) for item in raw)
    if origin is dict:
        return dict(raw)
    if dataclasses.is_dataclass(kind):
        if not isinstance(raw, dict):
            raise TypeError(f"an object expected, {type(raw).__name__} found")
        hints = _hints(typing.cast(type, kind))
        return typing.cast(type, kind)(**{name: _decode(hints[name], item) for name, item in raw.items()})
    return _decode_scalar(kind, raw)


def _without_none(kind: Any) -> Any:
    return next(arm for arm in typing.get_args(kind) if arm is not type(None))


def _decode_scalar(kind: Any, raw: Any) -> Any:
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(raw)
    if not isinstance(raw, kind):
        raise TypeError(f"{kind.__name__} expected, {type(raw).__name__} found")
    return raw
