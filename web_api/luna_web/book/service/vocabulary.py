"""Words of titles that were written by thousands, looked at afterwards: `search_terms` keeps up within seconds.

What writes a few titles adds their words itself (`keep_search_terms` in migration 0005).
"""

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from luna_web.book.repository import vocabulary
from luna_web.shared.database import SessionFactory, transaction

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 1.0


class Vocabulary:
    """Runs in a thread until it is stopped. Any number may run: each takes what no other one has."""

    def __init__(self, factory: SessionFactory) -> None:
        self._factory = factory
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vocabulary", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 3.0) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def learn_all(self) -> None:
        """Look at whatever waits, some ten thousand titles a transaction. Raises when the database is away."""
        more = True
        while more and not self._stopping.is_set():
            with transaction(self._factory) as session:
                more = vocabulary.learn_some(session)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.learn_all()
            except SQLAlchemyError as error:
                log.warning("vocabulary_waits", error=type(error).__name__)
            except Exception:
                # Without this thread no typo would ever find what was imported, and nobody would see why.
                log.exception("vocabulary_stumbled")
            self._stopping.wait(LOOK_EVERY_SECONDS)
