"""Of all tests: how Hypothesis works here, and how thoroughly the API is fuzzed, robots and workers are killed."""

import pytest
from hypothesis import HealthCheck, settings

# No test depends on how busy the machine is.
settings.register_profile("luna", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("luna")
LONGEST_DELIVERY_S = 240
"""With everything that is killed on its way."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz", type=int, metavar="N", help="test_fuzz.py: N examples of each call instead of a few")
    parser.addoption("--events", type=int, metavar="N", help="worker/test_chaos.py: N events instead of some hundreds")
    parser.addoption("--kills", type=int, metavar="N", help="test_kill_loop.py: N deliveries instead of a few")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Many deliveries take as much longer; each has a deadline of its own, and all together have one."""
    kills = config.getoption("--kills")
    for item in items:
        if kills and "test_kill_loop.py" in item.nodeid:
            item.add_marker(pytest.mark.timeout(kills * LONGEST_DELIVERY_S))


@pytest.fixture(scope="session")
def fuzz(pytestconfig: pytest.Config) -> int | None:
    """How many examples the fuzzing tests are to try; None for their own small number."""
    wanted: int | None = pytestconfig.getoption("--fuzz")
    return wanted
