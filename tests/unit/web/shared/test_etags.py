"""ETags and the headers that name them."""

import pytest

from luna_web.shared.etags import IfMatch, if_none_match_names


@pytest.mark.parametrize("header", ['"3"', '"1", "3"', " * ", '"1","3" , W/"4"'])
def test_if_match_names_a_version(header: str) -> None:
    assert IfMatch(header).names(3)


@pytest.mark.parametrize("header", ['"4"', 'W/"3"', "3", "", '"3', 'x"3"'])
def test_anything_else_in_if_match_names_nothing(header: str) -> None:
    assert not IfMatch(header).names(3)


@pytest.mark.parametrize(
    ("header", "names"), [(None, False), ('"3"', True), ('W/"3"', True), ("*", True), ('"2"', False)]
)
def test_if_none_match_compares_weakly(header: str | None, names: bool) -> None:
    assert if_none_match_names(header, 3) is names
