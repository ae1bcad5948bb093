"""ISBNs as catalogues write them."""

import pytest

from luna_web.book.isbn_text import Isbns, isbn_text, read_isbns, with_lost_zeros


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0441172717 (pbk.) :", "0441172717"),
        ("0441172717(pbk)", "0441172717"),
        ("0-441-17271-7 : $9.95", "0-441-17271-7"),
        ("ISBN 0 441 17271 7", "0 441 17271 7"),
        ("ISBN-13: 978-0-441-17271-9", "978-0-441-17271-9"),
        ("9780441172719 paperback", "9780441172719"),
        ("[0441172717]", ""),
        ("9.78044E+12", "9.78044E+12"),
        ("(pbk.)", ""),
    ],
)
def test_the_number_stands_alone(written: str, number: str) -> None:
    assert isbn_text(written) == number


def test_the_first_right_one_counts_and_nothing_comes_twice() -> None:
    found = read_isbns(
        ["0441172718", "0441172717 (hbk.)", "9780441172719 (hbk.)", "9780141439587 (pbk.)", "0441172718"]
    )

    assert found == Isbns("9780441172719", "0441172717", ("9780141439587",), ("0441172718",))


@pytest.mark.parametrize(
    ("cell", "isbn"),
    [("441172717", "0441172717"), ("441172718", "441172718"), ("x", "x"), ("0441172717", "0441172717")],
)
def test_zeros_that_a_spreadsheet_lost_are_put_back_where_that_makes_it_right(cell: str, isbn: str) -> None:
    assert with_lost_zeros(cell) == isbn
