"""What a title is, given its copies; barcodes; words of a search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.book.barcodes import item_barcode, luhn_digit
from luna_web.book.domain import TRANSITIONS, BookStatus, CopyStatus, book_status
from luna_web.book.seed import copies_of, desk_of

C = CopyStatus


@pytest.mark.parametrize(
    ("copies", "status"),
    [
        ((), BookStatus.UNAVAILABLE),
        ((C.UNAVAILABLE,), BookStatus.UNAVAILABLE),
        ((C.UNAVAILABLE, C.CHECKED_OUT), BookStatus.CHECKED_OUT),
        ((C.CHECKED_OUT, C.ON_ROBOT), BookStatus.RESERVED),
        ((C.RESERVED, C.UNAVAILABLE), BookStatus.RESERVED),
        ((C.RESERVED, C.CHECKED_OUT, C.AVAILABLE), BookStatus.AVAILABLE),
    ],
)
def test_a_title_is_the_best_of_its_copies(copies: tuple[CopyStatus, ...], status: BookStatus) -> None:
    assert book_status(copies) is status


def test_every_status_leads_somewhere_and_none_to_itself() -> None:
    assert set(TRANSITIONS) == set(CopyStatus)
    assert all(targets and status not in targets for status, targets in TRANSITIONS.items())


@given(st.integers(0, 99_999_999))
def test_a_barcode_has_fourteen_digits_and_passes_its_check(number: int) -> None:
    barcode = item_barcode(number)
    doubled = [int(d) * (1 + (13 - place) % 2) for place, d in enumerate(barcode)]

    assert len(barcode) == 14
    assert barcode.startswith("3")
    assert sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def test_the_check_digit_of_the_standards_example() -> None:
    assert luhn_digit("7992739871") == "3"


@pytest.mark.parametrize("number", [-1, 100_000_000])
def test_a_number_without_eight_digits_has_no_barcode(number: int) -> None:
    with pytest.raises(ValueError, match="eight digits"):
        item_barcode(number)


def test_most_titles_have_one_copy_and_none_more_than_three() -> None:
    counts = [copies_of(f"{number:08}") for number in range(10_000)]

    assert set(counts) == {1, 2, 3}
    assert counts.count(1) > counts.count(2) > counts.count(3)


@pytest.mark.parametrize(
    ("call_number", "desk"), [("BF1 .A1", "DESK-1"), ("QA76 .R63", "DESK-2"), (None, "DESK-1"), ("813.54", "DESK-1")]
)
def test_a_copy_belongs_to_the_desk_next_to_its_shelf(call_number: str | None, desk: str) -> None:
    assert desk_of(call_number) == desk
