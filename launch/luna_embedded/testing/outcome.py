"""How checks and tests went, counted."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

NO_TESTS = 5


@dataclass(frozen=True)
class Outcome:
    """Numbers of tests; a check such as ruff counts as one."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def of_check(code: int) -> Outcome:
    """A program that is content or not."""
    return Outcome(passed=1) if code == 0 else Outcome(failed=1)


def of_pytest(code: int, report: Path) -> Outcome:
    """What pytest's report counts. A pytest that breaks (no report, or a code that it does not explain) fails."""
    if code == NO_TESTS:
        return Outcome()
    if not report.exists():
        return Outcome(failed=1)
    total = Outcome()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 - ours
        tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        total += Outcome(max(0, tests - failed - skipped), failed, skipped)
    return total + Outcome(failed=1) if code != 0 and total.failed == 0 else total
