"""Which consumers there are."""

from luna_web.shared.config import Settings
from luna_web.worker.consumers import NAMES, all_consumers


def test_operators_know_every_consumer_by_name() -> None:
    consumers = all_consumers(Settings(_env_file=None))
    assert set(consumers) == NAMES
    assert {consumer.name for consumer in consumers.values()} == NAMES
