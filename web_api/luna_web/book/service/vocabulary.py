"""Words of titles that were written by thousands, looked at afterwards: `search_terms` keeps up within seconds.

What writes a few titles adds their words itself (`keep_search_terms` in migration 0005).
"""

from luna_web.book.repository import vocabulary
from luna_web.shared.background import Background
from luna_web.shared.database import SessionFactory, transaction

LOOK_EVERY_SECONDS = 1.0


class Vocabulary(Background):
    """Any number may run: each takes what no other one has."""

    def __init__(self, factory: SessionFactory) -> None:
        super().__init__("vocabulary", LOOK_EVERY_SECONDS)
        self._factory = factory

    def work(self) -> bool:
        self.learn_all()
        return False

    def learn_all(self) -> None:
        """Look at whatever waits, some ten thousand titles a transaction. Raises when the database is away."""
        more = True
        while more and not self.stopping.is_set():
            with transaction(self._factory) as session:
                more = vocabulary.learn_some(session)
