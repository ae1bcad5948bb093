"""Cells and records of an exported catalog."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.book.exports import COLUMNS, csv_batch, csv_head, jsonl_batch
from luna_web.shared.csv_cells import defused, restored

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=40)


@given(st.one_of(texts, st.text("'=+-@\t\r\n＝x", max_size=6)))
def test_a_cell_is_no_formula_and_gives_its_text_back(text: str) -> None:
    cell = defused(text)

    assert not cell or cell[0] not in "=+-@\t\r\n＝＋－＠"
    assert restored(cell) == text


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert defused(text) == "'" + text


@pytest.mark.parametrize("text", ["", "Dune", "O'Neill", "'t Hooft", "1984"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert defused(text) == text


def record(**values: Any) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS) | {"isbns_other": [], "isbns_invalid": []} | values


@given(st.lists(texts, min_size=1, max_size=3))
def test_what_is_written_as_csv_is_read_back(titles: list[str]) -> None:
    text = csv_head() + csv_batch(record(title=title, publication_year=1965) for title in titles)

    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [restored(row["title"]) for row in rows] == titles
    assert rows[0]["publication_year"] == "1965"


def test_a_line_of_json_leaves_out_what_is_empty() -> None:
    lines = jsonl_batch([record(title="Война и мир", isbns_invalid=["123"]), record(title="Dune")]).splitlines()

    assert [json.loads(line) for line in lines] == [
        {"title": "Война и мир", "isbns_invalid": ["123"]},
        {"title": "Dune"},
    ]
