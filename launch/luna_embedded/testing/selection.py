"""Which tests run in which environment, and what of them a person has selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

WITH_VALUE = frozenset(
    {"-k", "-m", "-n", "-p", "-c", "-o", "-W", "--tb", "--dist", "--maxfail", "--deselect", "--ignore", "--durations",
     "--events", "--fuzz", "--kills"}
)


@dataclass(frozen=True)
class Suite:
    """Tests that run together.

    ``ros``: in the ROS environment; ``workers``: processes of pytest-xdist, 0 for none; ``distribution``: how
    those share them (its ``--dist``); ``gentle``: takes what others leave of the processors. Robots stop where their
    nodes starve, so suites with real nodes, which wait more than they reckon, come first.
    """

    name: str
    paths: tuple[str, ...]
    ros: bool = False
    workers: int = 0
    distribution: str = "load"
    gentle: bool = True


SUITES = (
    Suite("unit", ("tests/unit/web", "tests/unit/luna_embedded", "tests/unit/luna_bringup")),
    Suite("unit, ROS side", ("tests/unit/luna_robot", "tests/unit/luna_sim"), ros=True),
    Suite("integration", ("tests/integration",), workers=3, distribution="worksteal"),
    Suite("ROS", ("tests/ros", "tests/launch"), ros=True, workers=3, distribution="loadfile", gentle=False),
    Suite(
        "end to end, one robot", ("tests/e2e/one_robot",), workers=2, distribution="loadfile", gentle=False
    ),
    Suite("end to end, fleet", ("tests/e2e/fleet",), gentle=False),
)


@dataclass(frozen=True)
class Selection:
    """A suite with what of it runs: paths, and the person's options for pytest."""

    suite: Suite
    paths: tuple[str, ...]
    options: tuple[str, ...]


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Paths and options of a pytest command line."""
    paths: list[str] = []
    options: list[str] = []
    expects_value = False
    for argument in arguments:
        if expects_value or argument.startswith("-"):
            options.append(argument)
            expects_value = not expects_value and argument in WITH_VALUE
        else:
            paths.append(argument)
    return paths, options


def select(arguments: Sequence[str], root: Path) -> list[Selection]:
    """What runs. Without paths, everything that there is; a path selects within the suites that it belongs to.

    Raises ValueError for a path that is in no suite or does not exist.
    """
    paths, options = split(arguments)
    if not paths:
        return [Selection(suite, there, tuple(options)) for suite in SUITES if (there := _existing(suite.paths, root))]
    found = [Selection(suite, inside, tuple(options)) for suite in SUITES if (inside := _inside(suite, paths, root))]
    for path in paths:
        if not (root / path.partition("::")[0]).exists():
            raise ValueError(f"there is no {path}")
        if not any(_inside(suite, [path], root) for suite in SUITES):
            raise ValueError(f"{path} belongs to no suite of tests")
    return found


def _existing(paths: Sequence[str], root: Path) -> tuple[str, ...]:
    return tuple(path for path in paths if (root / path).is_dir())


def _inside(suite: Suite, paths: Sequence[str], root: Path) -> tuple[str, ...]:
    """The part of ``paths`` that lies in the suite; a path above the suite selects all of it."""
    chosen: list[str] = []
    for path in paths:
        asked = PurePath(_relative(path, root).partition("::")[0])
        for base in map(PurePath, suite.paths):
            if asked.is_relative_to(base):
                chosen.append(_relative(path, root))
            elif base.is_relative_to(asked) and (root / base).is_dir():
                chosen.append(str(base))
    return tuple(dict.fromkeys(chosen))


def _relative(path: str, root: Path) -> str:
    plain = path.removeprefix("./").rstrip("/")
    return plain[len(str(root)) + 1 :] if plain.startswith(f"{root}/") else plain
