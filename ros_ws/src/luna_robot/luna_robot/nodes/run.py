"""The standard main of a process of ours."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol

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
RCLError = rclpy_implementation.RCLError


class Closable(Protocol):
    def close(self) -> None: ...


def run(build: Callable[[], tuple[Sequence[Node], Closable | None]], args: list[str] | None) -> int:
    """Spin the nodes in one single-threaded executor until SIGINT or SIGTERM; then close what `build` gave.

    The exit code.
    """
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
    finally:
        notify(STOPPING="1")
        if closable is not None:
            closable.close()
        executor.shutdown()
        rclpy.try_shutdown()
    return 0


def _let_rclpy_end() -> None:
    """Ctrl-C reaches Python and a thread of rclpy's, which ends the context; two that do so at once fail, or crash."""
    deadline = time.monotonic() + ENDED_WITHIN
    while rclpy.ok() and time.monotonic() < deadline:
        time.sleep(0.005)
