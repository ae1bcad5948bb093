"""`python -m luna_web.book.imports.run JOB_ID CLAIM_ID`: one import in a process of its own, within limits of its own.

Whatever a file does to it, no more than this process dies of it. It holds the job by a lease that a thread renews;
it says on standard output that it gets on, and ends when standard input does, since then its worker is gone.

Exit codes: 0 done with (also when the job was lost), 75 try again later.
"""

import os
import resource
import signal
import sys
import threading
import time
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError

from luna_web.book.imports import repository, rows
from luna_web.book.imports.domain import TRY_LATER, ImportState
from luna_web.book.imports.importing import Claim, ClaimLost, Import, StopAsked, is_connection_lost
from luna_web.shared.config import Settings, get_settings
from luna_web.shared.database import SessionFactory, make_engine, make_session_factory, transaction
from luna_web.shared.loggers import structlog
from luna_web.shared.logs import configure_logs

log = structlog.get_logger(__name__)
NICENESS = 10
SWITCH_SECONDS = 0.0005
"""So that who writes a batch does not wait long for who reads the next one ahead: it must keep PostgreSQL busy."""


def limit_yourself(memory_mib: int) -> None:
    """No more address space than this, behind everybody else for the processor, no core dumps."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = memory_mib << 20
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)


def prepared_factory(settings: Settings) -> tuple[Engine, SessionFactory]:
    """Sessions over connections that batches are written by."""
    engine = make_engine(settings)

    @event.listens_for(engine, "connect")
    def prepare(connection: rows.Connection, _: object) -> None:
        rows.prepare(connection)
        connection.commit()

    return engine, make_session_factory(engine)


class Pulse:
    """A thread that renews the lease, and tells the worker each second in which something got done."""

    def __init__(self, factory: SessionFactory, claim: Claim) -> None:
        self._factory, self._claim = factory, claim
        self._got_on = threading.Event()
        self._renewed = time.monotonic()

    def start(self) -> None:
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def beat(self) -> None:
        self._got_on.set()

    def _run(self) -> None:
        every = self._claim.lease.total_seconds() / 3
        due = time.monotonic() + every
        while True:
            time.sleep(min(1.0, every))
            if self._got_on.is_set():
                self._got_on.clear()
                _say_alive()
            if time.monotonic() >= due:
                due = time.monotonic() + every
                self._renew()

    def _renew(self) -> None:
        try:
            with transaction(self._factory) as session:
                ours = repository.renew(session, self._claim.job_id, self._claim.claim_id, self._claim.lease)
        except SQLAlchemyError:
            if time.monotonic() - self._renewed > self._claim.lease.total_seconds():
                os._exit(TRY_LATER)
            return
        if not ours:
            os._exit(0)
        self._renewed = time.monotonic()


def _say_alive() -> None:
    try:
        os.write(sys.stdout.fileno(), b".")
    except OSError:
        os._exit(TRY_LATER)


def _end_with_the_worker() -> None:
    """The worker holds the other end of standard input and never writes to it."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(TRY_LATER)


def main(arguments: list[str]) -> int:
    settings = get_settings()
    configure_logs(settings.log_format)
    limit_yourself(settings.import_memory_mib)
    sys.setswitchinterval(SWITCH_SECONDS)
    claim = Claim(UUID(arguments[0]), UUID(arguments[1]), timedelta(seconds=settings.import_lease_seconds))
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threading.Thread(target=_end_with_the_worker, name="leash", daemon=True).start()
    engine, factory = prepared_factory(settings)
    pulse = Pulse(factory, claim)
    pulse.start()
    try:
        return see_through(Import(factory, claim, pulse.beat, stopping.is_set), factory, claim, settings)
    finally:
        engine.dispose()


def see_through(job: Import, factory: SessionFactory, claim: Claim, settings: Settings) -> int:
    """Run it, and tell of whatever ends it; the exit code."""
    try:
        try:
            job.run()
        except MemoryError:
            job.end(ImportState.FAILED, failure=_too_much(settings.import_memory_mib))
    except ClaimLost:
        log.info("import_lost", job=str(claim.job_id))
    except StopAsked:
        with transaction(factory) as session:
            repository.let_go(session, claim.job_id, claim.claim_id, unharmed=True)
    except Exception as error:
        if not is_connection_lost(error):
            raise
        log.warning("import_waits", job=str(claim.job_id), error=type(error).__name__)
        return TRY_LATER
    return 0


def _too_much(memory_mib: int) -> str:
    return f"the file needs more memory than an import may use ({memory_mib} MiB); split it, or send it as CSV or MARC"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
