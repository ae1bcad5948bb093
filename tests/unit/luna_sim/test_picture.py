"""Where a picture puts robots' names."""

import math

from hypothesis import given
from hypothesis import strategies as st

from luna_sim.core.geometry import Pose
from luna_sim.picture import _names
from luna_sim.recording.reading import Seen


def names(*places: tuple[float, float]) -> dict[str, tuple[float, float]]:
    seen = Seen(robots={f"luna{number}": Pose(x, y, 0.0) for number, (x, y) in enumerate(places, 1)})
    return {name: at for name, _, at in _names(seen)}


def test_a_name_is_above_its_robot_or_where_nothing_else_is() -> None:
    alone, below, crowd = names((0, 0)), names((0, 0), (0.2, 0.8)), names((0, 0), (0.1, 0.7), (0.2, 1.4), (1.2, 0.1))
    assert alone["luna1"][1] > 0.5
    assert below["luna1"][1] < -0.5 and below["luna2"][1] > 1.3
    assert all(math.dist(a, b) > 0.6 for a in crowd.values() for b in crowd.values() if a != b)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), max_size=12))
def test_every_robot_has_one_however_they_stand(places: list[tuple[float, float]]) -> None:
    assert len(names(*places)) == len(places)
