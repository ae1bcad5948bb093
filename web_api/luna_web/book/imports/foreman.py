"""Finds imports that wait and has a process work on each: one at a time, watched, ended when it falls silent."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from luna_web.book.imports import events, repository
from luna_web.book.imports.domain import TRY_LATER, ImportState
from luna_web.book.imports.models import ImportJob
from luna_web.shared.background import Background
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.loggers import structlog

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 5.0
TIDY_EVERY_SECONDS = 60.0
MOST_ATTEMPTS = 5
TRY_LATER_SECONDS = 5
"""The first pause after a lost database; each one is twice the one before."""
UPLOADS_EXPIRE = timedelta(hours=1)
_END_WITHIN_SECONDS = 3.0
_LISTEN_SECONDS = 0.2
Launch = Callable[[UUID, UUID], subprocess.Popen[bytes]]


def launch(job_id: UUID, claim_id: UUID) -> subprocess.Popen[bytes]:
    """The process that imports. Two arenas: more would count as address space that nobody uses."""
    command = [sys.executable, "-m", "luna_web.book.imports.run", str(job_id), str(claim_id)]
    environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603


class Foreman(Background):
    """A part of the worker. Stopped, it lets the running import finish its batch; another worker goes on with it."""

    def __init__(self, factory: SessionFactory, settings: Settings, start: Launch = launch) -> None:
        super().__init__("import-foreman", LOOK_EVERY_SECONDS)
        self._factory = factory
        self._lease = timedelta(seconds=settings.import_lease_seconds)
        self._silence = settings.import_silence_seconds
        self._kept = timedelta(days=settings.import_retention_days)
        self._launch = start
        self._tidied = 0.0

    def work(self) -> bool:
        if self.work_once():
            return True
        self._tidy()
        return False

    def work_once(self) -> bool:
        """Take one job and see it through; False if there is none to take."""
        claim_id = uuid4()
        with transaction(self._factory) as session:
            job = repository.claim(session, claim_id, self._lease, MOST_ATTEMPTS)
            if job is None:
                return False
            if job.claimed_by != claim_id:
                _give_up(session, job)
                return True
            job_id, attempts = job.id, job.attempts
        log.info("import_starts", job=str(job_id), attempt=attempts)
        self._see_through(job_id, claim_id, attempts)
        return True

    def _see_through(self, job_id: UUID, claim_id: UUID, attempts: int) -> None:
        process = self._launch(job_id, claim_id)
        try:
            spoke_last = self._watch(process)
        finally:
            _end(process)
        code = process.returncode
        log.info("import_process_ended", job=str(job_id), code=code)
        if spoke_last and not code:
            return
        if not spoke_last:
            log.warning("import_process_silent", job=str(job_id), seconds=self._silence)
        with transaction(self._factory) as session:
            repository.let_go(session, job_id, claim_id, unharmed=False)
        self.stopping.wait(pause_seconds(code, attempts))

    def _watch(self, process: "subprocess.Popen[bytes]") -> bool:
        """Until it ends; False when it said nothing for too long. A stop asks it to end."""
        assert process.stdout is not None  # noqa: S101 - it was opened as a pipe
        silent, asked = 0.0, False
        while silent < self._silence:
            if self.stopping.is_set() and not asked:
                process.terminate()
                asked = True
            ready, _, _ = select.select([process.stdout], [], [], _LISTEN_SECONDS)
            # Counted in looks: time in which this machine slept, or we were held up, is no silence of the process.
            silent += _LISTEN_SECONDS
            if ready:
                if not os.read(process.stdout.fileno(), 4096):
                    _wait_for(process)
                    return True
                silent = 0.0
        return False

    def _tidy(self) -> None:
        """What ended jobs, old jobs and broken uploads leave behind; a little at a time."""
        if time.monotonic() - self._tidied < TIDY_EVERY_SECONDS and self._tidied:
            return
        with transaction(self._factory) as session:
            repository.forget_uploads(session, UPLOADS_EXPIRE)
            repository.forget_jobs(session, self._kept, 10)
        more = True
        while more and not self.stopping.is_set() and not self.woken.is_set():
            with transaction(self._factory) as session:
                more = repository.tidy_some(session)
        self._tidied = time.monotonic()


def pause_seconds(code: int, attempts: int) -> float:
    """Before the next attempt: long where the process lost a database that we still reach, else hardly any."""
    attempt = min(attempts, MOST_ATTEMPTS)
    return float(TRY_LATER_SECONDS << (attempt - 1)) if code == TRY_LATER else attempt * 0.2


def _give_up(session: Session, job: ImportJob) -> None:
    job.state, job.claimed_by, job.lease_until = ImportState.FAILED, None, None
    job.failure = (
        f"the import broke off {MOST_ATTEMPTS} times behind record {job.position:,}; the next records break it"
    )
    job.finished_at = repository.NOW
    job.version += 1
    session.flush()
    session.refresh(job)
    events.import_changed(session, job)


def _wait_for(process: "subprocess.Popen[bytes]") -> None:
    """It has nothing more to say; what does not end now is ended (`_end`)."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_WITHIN_SECONDS)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Whatever happens to us, no process stays behind."""
    if process.poll() is None:
        process.kill()
    _wait_for(process)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
