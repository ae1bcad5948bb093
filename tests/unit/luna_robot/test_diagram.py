"""The drawing of the delivery machine."""

from __future__ import annotations

from pathlib import Path

from luna_robot.delivery.diagram import document, edges
from luna_robot.delivery.model import Phase

PAGE = Path(__file__).parents[3] / "docs" / "robot-states.md"


def test_every_phase_is_drawn_and_none_is_left_without_an_end() -> None:
    drawn = edges()
    assert {place for edge in drawn for place in edge} == {"[*]"} | {p.name for p in Phase if p is not Phase.NONE}
    ending = {"DONE"}
    while more := {source for source, target in drawn if target in ending} - ending:
        ending |= more
    assert ending == {source for source, _ in drawn} | {"DONE"}


def test_a_laden_drive_ends_at_a_hand_over_or_by_a_person_s_word() -> None:
    drawn = edges()
    assert drawn["TO_DROPOFF", "DONE"] == drawn["TO_FALLBACK", "DONE"] == ["CARGO_REMOVED"]


def test_the_page_shows_the_machine() -> None:
    assert PAGE.read_text() == document()
