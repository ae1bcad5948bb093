"""What `./luna bench robot` makes of what it has seen."""

from __future__ import annotations

from luna_embedded.bench.robot import Seen, figures_of, rows_of
from luna_embedded.measure import Usage


def test_the_limit_of_the_run_stands_last_and_what_is_taken_beside_a_bare_node() -> None:
    seen = Seen(
        usage={"idle": Usage(4.0, 100.0), "driving": Usage(12.0, 110.0)},
        bare={"idle": Usage(0.0, 40.0), "driving": Usage(0.5, 40.0)},
        status=[{"phase": "idle", "hz": 1.0, "bytes": 814}],
        series={name: [0.010, 0.020] for name in ("zero", "stood", "answered", "set_out", "bare")},
    )
    assert [row.p99 for row in figures_of(seen)] == [20.0] * 5
    assert figures_of(seen)[-1].name.startswith("limit")
    rows = rows_of(seen)
    assert [(row["value"], row["ratio"], row["target"]) for row in rows] == [
        (4.0, None, 5.0), (100.0, 2.5, 170.0), (12.0, 24.0, 20.0), (110.0, 2.8, 170.0),
        (1.0, None, 1.0), (814, None, 1000),
        (0, None, 0),
    ]  # fmt: skip
