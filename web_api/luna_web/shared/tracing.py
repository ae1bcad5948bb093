"""The trace id: one name for all that a request causes, in logs, tables, events and ROS goals."""

import re
from contextvars import ContextVar
from uuid import uuid4

_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_trace_id: ContextVar[str | None] = ContextVar("luna_trace_id", default=None)


def new_trace_id() -> str:
    return uuid4().hex


def accept_trace_id(given: str | None) -> str:
    """The client's own id if it is sane (8 to 64 of letters, digits, `.`, `_`, `-`), else a new one."""
    return given if given and _SANE.fullmatch(given) else new_trace_id()


def bind_trace_id(trace_id: str) -> None:
    """Make this the trace id of the current context (request, task, command)."""
    _trace_id.set(trace_id)


def trace_id() -> str:
    """The trace id of the current context; outside of any, a new one that stays for this context."""
    current = _trace_id.get()
    if current is None:
        current = new_trace_id()
        _trace_id.set(current)
    return current
