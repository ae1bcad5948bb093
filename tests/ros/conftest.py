"""Of all tests with ROS: in which order their files are taken."""

import pytest

LONG = ("test_composition", "test_simulator", "test_emergency_stop", "test_deaths", "test_delivery", "test_kill_loop")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long goes first: as the last it would run while the other worker has ended."""
    items.sort(key=lambda item: next((at for at, name in enumerate(LONG) if name in item.nodeid), len(LONG)))
