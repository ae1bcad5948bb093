"""The standard main of a process of ours."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Protocol, Self

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node

from luna_executor import LeanExecutor
from luna_robot.notify import notify
from luna_robot.parameters import WrongParameter

WRONG_PARAMETER = 2
"""Exit code of a start with a parameter that makes no sense."""
ENDED_WITHIN = 2.0
"""Seconds for rclpy's own answer to a signal."""
SWALLOWED = "Unable to convert call argument"
"""What pybind11, and so rclpy, says in the place of an exception that was raised while it made a message."""
RCLError = rclpy_implementation.RCLError


class Closable(Protocol):
    def close(self) -> None: ...


def run(build: Callable[[], tuple[Sequence[Node], Closable | None]], args: list[str] | None) -> int:
    """Spin the nodes in one single-threaded executor until SIGINT or SIGTERM; then close what `build` gave.

    The exit code.
    """
    with _CtrlC() as ctrl_c:
        return _run(build, args, ctrl_c)


def _run(build: Callable[[], tuple[Sequence[Node], Closable | None]], args: list[str] | None, ctrl_c: _CtrlC) -> int:
    closable: Closable | None = None
    rclpy.init(args=args)
    executor = LeanExecutor()
    try:
        notify(STATUS="starting")
        nodes, closable = build()
        for node in nodes:
            executor.add_node(node)
        notify(READY="1", STATUS="serving")
        executor.spin()
    except KeyboardInterrupt:
        _let_rclpy_end()
    except ExternalShutdownException:
        pass
    except WrongParameter as error:
        notify(STATUS=str(error))
        print(error, file=sys.stderr, flush=True)
        return WRONG_PARAMETER
    except RCLError:
        if rclpy.ok():  # else the signal came between two calls of rclpy, which knows no better way to say so
            raise
    except RuntimeError as error:
        if not ctrl_c.came or SWALLOWED not in str(error):
            raise
        _let_rclpy_end()
    finally:
        notify(STOPPING="1")
        if closable is not None:
            closable.close()
        executor.shutdown()
        rclpy.try_shutdown()
    return 0


class _CtrlC:
    """Remembers that SIGINT came: where Python is told of it while a message is made, rclpy loses the exception.

    Only where Python's own answer to it stands: a process may have been started to take no notice.
    """

    def __init__(self) -> None:
        self.came = False
        self._watches = signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def __enter__(self) -> Self:
        if self._watches:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._watches:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.default_int_handler(number, frame)


def _let_rclpy_end() -> None:
    """Ctrl-C reaches Python and a thread of rclpy's, which ends the context; two that do so at once fail, or crash."""
    deadline = time.monotonic() + ENDED_WITHIN
    while rclpy.ok() and time.monotonic() < deadline:
        time.sleep(0.005)
