"""Work that goes on in a thread of its own until it is told to stop, whatever it meets."""

import threading
from abc import ABC, abstractmethod

from sqlalchemy.exc import SQLAlchemyError

from luna_web.shared.loggers import structlog

log = structlog.get_logger(__name__)
STOP_WITHIN_SECONDS = 3.0
AWAY: tuple[type[Exception], ...] = (SQLAlchemyError, OSError)
"""What says that the database is away, which passes."""


class Background(ABC):
    """A thread of this process that calls `work` again and again. Its life: `start()`, any `wake()`s, `stop()`.

    Between two passes it waits `every_seconds`, unless it is woken or `work` says that there is more. `away` are
    errors that are to be expected while something else is down: they are told in a line. Any other is told in full,
    and ends the pass alone: without the thread its work would never be done again, and nobody would see why.
    """

    def __init__(self, name: str, every_seconds: float, away: tuple[type[Exception], ...] = AWAY) -> None:
        self.name = name
        self.stopping = threading.Event()
        self.woken = threading.Event()
        self._every_seconds = every_seconds
        self._away = away
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def work(self) -> bool:
        """One pass; whether there is more to do at once. It looks at `stopping` wherever it may take long."""

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Have it look at once, or once more if it is at work. To be called from any thread."""
        self.woken.set()

    def stop(self, timeout: float = STOP_WITHIN_SECONDS) -> None:
        """Let the pass in hand end, but wait no longer than `timeout` seconds; may be called twice."""
        self.stopping.set()
        self.woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self.stopping.is_set():
            self.woken.clear()
            if not self._passed() and not self.stopping.is_set():
                self.woken.wait(self._every_seconds)

    def _passed(self) -> bool:
        try:
            return self.work()
        except self._away as error:
            log.warning("background_waits", part=self.name, error=type(error).__name__)
        except Exception:
            log.exception("background_stumbled", part=self.name)
        return False
