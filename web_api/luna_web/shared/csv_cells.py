"""Cells of a CSV file that no spreadsheet takes for a formula, and back (OWASP, "CSV Injection"). Pure.

A cell that begins with a sign that starts a formula gets an apostrophe in front, and so does one that begins with
apostrophes and then such a sign: thus taking one apostrophe away gives every text back as it was.
"""

import re

# As typed, and in the full width that East Asian spreadsheets take for the same.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_DEFUSED = re.compile("'+[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def defused(text: str) -> str:
    """The text as a cell that is only ever shown."""
    return "'" + text if _FORMULA.match(text) else text


def restored(cell: str) -> str:
    """The text that `defused` made this cell of."""
    return cell[1:] if cell.startswith("'") and _DEFUSED.match(cell) else cell
