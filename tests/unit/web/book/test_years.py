"""Years as title pages and cataloguers write them."""

import pytest

from luna_web.book.years import read_year


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("1998", 1998),
        ("c1998.", 1998),
        ("[2003?]", 2003),
        ("1998, c1997.", 1998),
        ("between 1901 and 1905", 1901),
        ("1893 [i.e. 1983]", 1983),
        ("2014-05-01", 2014),
        ("1424 [2003]", 2003),
        ("1424 H [2003 M]", 2003),
        ("1424 H", 2003),
        ("١٤٢٤ هـ", 2003),
        ("２００３", 2003),
        ("1401 (1981)", 1981),
        ("Heisei 11 [1999]", 1999),
        ("Shōwa 50", 1975),
        ("昭和50年", 1975),
        ("平成元年", 1989),
        ("Meiji 30", 1897),
        ("民國92", 2003),
        ("2546", 2003),
        ("5763", 2003),
    ],
)
def test_a_year_is_read(written: str, year: int) -> None:
    assert read_year(written) == year


@pytest.mark.parametrize("written", ["19uu", "[19--?]", "2999", "n.d.", "", "12345", "9780441172719", "'98"])
def test_what_names_no_year_gives_none(written: str) -> None:
    assert read_year(written) is None
