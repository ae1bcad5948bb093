"""A run from its beginning to its end: plan, clean up after a killed predecessor, supervise until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from luna_embedded import assembly
from luna_embedded.install.machine import free_bytes
from luna_embedded.layout import Checkout
from luna_embedded.parts.postgres_home import PostgresHome
from luna_embedded.parts.run import Options, Run
from luna_embedded.planning import Place, check, check_scenario, plan
from luna_embedded.state import Lock, begin
from luna_embedded.supervision.part import Part
from luna_embedded.supervision.records import Records
from luna_embedded.supervision.supervisor import Supervisor
from luna_embedded.versions import versions

Watch = Callable[[dict[str, Any]], None]
Assemble = Callable[[Run, PostgresHome | None], Sequence[Part]]


def supervise(
    checkout: Checkout,
    where: Place,
    options: Options,
    watch: Watch,
    assemble: Assemble = assembly.parts,
    free: Callable[[Path], int] = free_bytes,
) -> None:
    """Run LUNA until SIGINT, SIGTERM, SIGHUP or `luna down`. Raises Refusal.

    ``watch`` sees every change; what it raises ends the run.
    """
    check(checkout, options)
    check_scenario(checkout, options, os.environ)
    begin(where.state)
    lock = Lock(where.state)
    lock.take()
    Records(where.state.processes).end_leftovers()
    run, home = plan(checkout, where, options, os.environ, free)
    asyncio.run(_supervise(run, assemble(run, home), watch))


async def _supervise(run: Run, parts: Sequence[Part], watch: Watch) -> None:
    failures: list[Exception] = []

    def watching(supervisor: Supervisor) -> None:
        try:
            watch(supervisor.snapshot())
        except Exception as error:  # noqa: BLE001 - raised below, once everything has stopped in order
            failures.append(error)
            supervisor.shut_down()

    supervisor = Supervisor(parts, run.state, _facts(run), watching)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, supervisor.shut_down)
    await supervisor.run()
    if failures:
        raise failures[0]


def _facts(run: Run) -> dict[str, Any]:
    return {
        "address": run.address,
        "state_dir": str(run.state.path),
        "supervisor_pid": os.getpid(),
        "robots": list(run.options.robot_names),
        "sim_speed": run.options.sim_speed,
        "ros_domain_id": run.ros_domain,
        "versions": versions(run.checkout),
    }
