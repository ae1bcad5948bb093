"""Which sessions have ended: the table `sessions` is the truth, each process follows it.

Twice a second the sessions revoked in the last minute are read and remembered for as long as an access token can
live; when the last look is older than a second, each request asks for itself. So a logout counts everywhere within a
second, and a request costs no query.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sqlalchemy import column, func, select, table
from sqlalchemy.exc import SQLAlchemyError

from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.loggers import structlog

log = structlog.get_logger(__name__)
POLL_S = 0.5
STALE_S = 1.0
OVERLAP_S = 60.0

_sessions = table("sessions", column("id"), column("revoked_at"))


class RevocationWatch:
    """Remembers ended sessions for `lifetime` seconds. `start` and `stop` its thread with the process.

    `monotonic` gives seconds of a clock that never jumps.
    """

    def __init__(self, factory: SessionFactory, lifetime: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._factory = factory
        self._lifetime = float(lifetime)
        self._monotonic = monotonic
        self._ended: dict[UUID, float] = {}
        self._last_look: float | None = None
        self._waiting: dict[UUID, list[Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="revocations", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(timeout=5)

    def remember(self, session_id: UUID) -> None:
        """This process ended the session itself."""
        self._end(session_id, self._monotonic())

    def when_ended(self, session_id: UUID, tell: Callable[[], None]) -> Callable[[], None]:
        """Have `tell` called, in some thread, once this process learns of the session's end; at once if it has.

        What is returned takes the wish back. For connections that outlive a request.
        """
        with self._lock:
            self._waiting.setdefault(session_id, []).append(tell)
        if session_id in self._ended:
            self._tell(session_id)

        def forget() -> None:
            with self._lock, suppress(KeyError, ValueError):
                self._waiting[session_id].remove(tell)
                if not self._waiting[session_id]:
                    self._waiting.pop(session_id)

        return forget

    def is_revoked(self, session_id: UUID) -> bool:
        """Whether the session has ended. Asks the database itself when the last look is too old."""
        ended = self.remembers(session_id)
        return self._ask(session_id) if ended is None else ended

    def remembers(self, session_id: UUID) -> bool | None:
        """Whether the session has ended, without asking anybody; None when the last look is too old to tell."""
        if session_id in self._ended:
            return True
        if self._last_look is not None and self._monotonic() - self._last_look <= STALE_S:
            return False
        return None

    def known_revoked(self, session_id: UUID) -> bool:
        """What this process remembers, without asking anybody."""
        return session_id in self._ended

    def look(self) -> None:
        """Read what was revoked since the last look, with a minute of overlap for commits that came late."""
        started = self._monotonic()
        window = self._lifetime if self._last_look is None else started - self._last_look + OVERLAP_S
        since = func.clock_timestamp() - timedelta(seconds=min(window, self._lifetime))
        with transaction(self._factory) as session:
            found = session.scalars(select(_sessions.c.id).where(_sessions.c.revoked_at > since)).all()
        for session_id in found:
            if session_id not in self._ended:
                self._end(session_id, started)
        self._forget(started - self._lifetime)
        self._last_look = started

    def _end(self, session_id: UUID, at: float) -> None:
        self._ended[session_id] = at
        self._tell(session_id)

    def _tell(self, session_id: UUID) -> None:
        """Whoever takes the list tells it, so that two threads tell nobody twice."""
        with self._lock:
            told = self._waiting.pop(session_id, [])
        for tell in told:
            try:
                tell()
            except Exception:
                log.exception("session_end_not_told", session_id=str(session_id))

    def _ask(self, session_id: UUID) -> bool:
        query = select(_sessions.c.revoked_at).where(_sessions.c.id == session_id)
        with transaction(self._factory) as session:
            row = session.execute(query).one_or_none()
        return row is None or row.revoked_at is not None

    def _forget(self, before: float) -> None:
        # A copy: requests add to it from their own threads.
        for session_id in [known for known, at in list(self._ended.items()) if at < before]:
            self._ended.pop(session_id, None)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except SQLAlchemyError:
                # Nothing is lost: `is_revoked` asks for itself until a look succeeds again.
                self._stopping.wait(POLL_S)
            except Exception:
                log.exception("revocations_not_read")
                self._stopping.wait(POLL_S)
            self._stopping.wait(POLL_S)
