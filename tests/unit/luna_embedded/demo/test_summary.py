"""What the summary makes of a history and a trail."""

from __future__ import annotations

from luna_embedded.demo.floorplan import Pose
from luna_embedded.demo.story import shortened
from luna_embedded.demo.summary import Span, distance, spans


def row(at: str, status: str, phase: str | None = None) -> dict[str, object]:
    return {"at": f"2026-01-01T10:{at}Z", "to_status": status, "phase": phase}


def test_each_state_holds_until_the_next_one() -> None:
    history = [row("00:05.500", "IN_PROGRESS", "TO_PICKUP"), row("00:00", "QUEUED"), row("01:00", "COMPLETED")]

    assert spans(history) == [Span("QUEUED", 5.5), Span("TO_PICKUP", 54.5)]


def test_an_empty_history_has_no_spans() -> None:
    assert spans([]) == []


def test_distance_adds_steps_but_neither_noise_nor_leaps() -> None:
    trail = [Pose(0, 0, 0), Pose(0.6, 0.8, 0), Pose(0.601, 0.8, 0), Pose(9, 9, 0)]

    assert distance(trail) == 1.0


def test_a_long_title_is_cut_at_a_word() -> None:
    assert shortened("A history of the world in ten chapters", 20) == "A history of the…"
    assert shortened("Emma", 20) == "Emma"
