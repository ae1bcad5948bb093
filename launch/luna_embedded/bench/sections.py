"""What a program that measures has left: tables in a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from luna_embedded.exit_codes import Exit

FAILURE = "[bold red]The measurement failed[/]; its last words are above."


def show(code: int, path: Path, console: Console) -> int:
    """Print the tables that were written there, or with a ``code`` other than 0 that there are none. An exit code."""
    if code:
        console.print(FAILURE)
        return Exit.FAILED
    for section in json.loads(path.read_text())["sections"]:
        console.print(_table(section))
    console.print(f"Written to {path}.")
    return Exit.OK


def _table(section: dict[str, Any]) -> Table:
    """However narrow the screen, headings are broken and figures are not."""
    rows = [["—" if cell is None else str(cell) for cell in row] for row in section["rows"]]
    table = Table(title=section["title"], title_justify="left", padding=0)
    for number, heading in enumerate(section["columns"]):
        widest = max((len(row[number]) for row in rows), default=1)
        table.add_column(heading, justify="right" if number else "left", no_wrap=not number, min_width=widest)
    for row in rows:
        table.add_row(*row)
    return table
