"""docs/security.md names tests and code; what it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)((?:::\w+)*)`", PAGE)))


def places(name: str) -> list[Path]:
    """The files that end in this path, among tests, code and migrations."""
    return [path for folder in ("tests", "web_api") for path in (ROOT / folder).rglob(Path(name).name)
            if path.as_posix().endswith(f"/{name}")]  # fmt: skip


@pytest.mark.parametrize(("file", "inside"), NAMED, ids=[f"{file}{inside}" for file, inside in NAMED])
def test_what_the_page_names_exists(file: str, inside: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in places(file)]
    words = [word for word in inside.split("::") if word]

    assert any(all(re.search(rf"^ *(class|def) {word}\b", text, re.MULTILINE) for word in words) for text in texts), (
        f"{file} has no {inside}" if texts else f"there is no {file}"
    )


def test_it_names_many() -> None:
    assert len(NAMED) > 40
