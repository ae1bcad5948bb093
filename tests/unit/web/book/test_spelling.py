"""Distances of words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance.OSA import distance

from luna_web.book.spelling import allowed_edits, nearest

words = st.text("abcd", max_size=8)


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("war", "war", 0), ("hsitory", "history", 1), ("histroy", "histry", 1), ("kitten", "sitting", 3),
     ("", "abc", 3), ("ca", "abc", 3)],
)  # fmt: skip
def test_the_edits_between_two_words(one: str, other: str, edits: int) -> None:
    assert distance(one, other) == edits


@given(words, words)
def test_a_distance_is_the_same_both_ways_and_nought_only_for_the_same(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


@given(words, st.integers(0, 6))
def test_neighbours_that_changed_places_are_one_edit(word: str, place: int) -> None:
    if place + 1 < len(word) and word[place] != word[place + 1]:
        swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]

        assert distance(word, swapped) == 1


def test_of_several_the_nearest_are_meant_and_what_is_too_far_never() -> None:
    assert nearest("hsitory", ["mystery", "histori", "history", "hsitary", "hsitory"]) == ["history", "hsitary"]
    assert nearest("hsitory", ["mystery", "prehistoric"]) == []


def test_longer_words_may_hold_more_slips() -> None:
    assert [allowed_edits(word) for word in ("abc", "abcdef", "abcdefghij")] == [1, 2, 3]
