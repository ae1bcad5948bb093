"""The TypeScript client's types are the server's."""

from pathlib import Path

from luna_web.notification.live.typescript import typescript

MADE = Path(__file__).resolve().parents[5] / "clients/typescript/src/frames.ts"


def test_they_are_as_the_command_makes_them() -> None:
    assert MADE.read_text() == typescript(), "make them anew: docs/live.md, Clients"
