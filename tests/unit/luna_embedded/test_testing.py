"""What `./luna test` runs for which arguments, and how it counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from luna_embedded.testing.outcome import Outcome, of_check, of_pytest
from luna_embedded.testing.selection import SUITES, select, split


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for suite in SUITES:
        for path in suite.paths:
            (tmp_path / path).mkdir(parents=True)
    (tmp_path / "tests/unit/web/test_x.py").touch()
    return tmp_path


def chosen(root: Path, *arguments: str) -> dict[str, tuple[str, ...]]:
    return {selection.suite.name: selection.paths for selection in select(arguments, root)}


def test_without_arguments_everything_runs(root: Path) -> None:
    assert list(chosen(root)) == [suite.name for suite in SUITES]


def test_a_folder_runs_in_the_environment_it_belongs_to(root: Path) -> None:
    assert chosen(root, "tests/unit/luna_robot") == {"unit, ROS side": ("tests/unit/luna_robot",)}
    assert chosen(root, "./tests/unit/web/") == {"unit": ("tests/unit/web",)}
    assert chosen(root, str(root / "tests/ros")) == {"ROS": ("tests/ros",)}


def test_a_folder_above_suites_is_split_between_them(root: Path) -> None:
    assert list(chosen(root, "tests/unit")) == ["unit", "unit, ROS side"]


def test_a_single_test_is_passed_on_as_it_is(root: Path) -> None:
    assert chosen(root, "tests/unit/web/test_x.py::test_y") == {"unit": ("tests/unit/web/test_x.py::test_y",)}


def test_options_go_to_every_suite_that_runs() -> None:
    assert split(["tests/unit/web", "-k", "name", "-x", "--tb", "short"]) == (
        ["tests/unit/web"],
        ["-k", "name", "-x", "--tb", "short"],
    )


@pytest.mark.parametrize("path", ["tests/nowhere", "docs"])
def test_a_path_without_tests_is_refused(root: Path, path: str) -> None:
    (root / "docs").mkdir()
    with pytest.raises(ValueError, match=path):
        select([path], root)


def test_a_check_counts_as_one_test() -> None:
    assert str(of_check(0) + of_check(1)) == "1 passed, 1 failed"


def test_the_report_is_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="10" failures="1" errors="1" skipped="2"/></testsuites>')

    assert of_pytest(1, report) == Outcome(passed=6, failed=2, skipped=2)
    assert str(of_pytest(1, report)) == "6 passed, 2 failed, 2 skipped"


def test_a_pytest_that_breaks_is_a_failure(tmp_path: Path) -> None:
    assert of_pytest(4, tmp_path / "none.xml") == Outcome(failed=1)
    (tmp_path / "report.xml").write_text(
        '<testsuites><testsuite tests="1" failures="0" errors="0" skipped="0"/></testsuites>'
    )
    assert of_pytest(3, tmp_path / "report.xml") == Outcome(passed=1, failed=1)


def test_nothing_selected_is_no_failure(tmp_path: Path) -> None:
    assert of_pytest(5, tmp_path / "none.xml") == Outcome()


DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
SUITE = f"""
import subprocess, sys
deaf = subprocess.Popen([sys.executable, "-c", {DEAF!r}], stdout=subprocess.PIPE)
deaf.stdout.readline()
subprocess.Popen(["sleep", "601"])
"""
RUNNER = f"""
import subprocess, sys
from luna_embedded.testing import leftovers
leftovers.adopt()
subprocess.run([sys.executable, "-c", {SUITE!r}], check=True)
print(*(leftovers.end(lambda command: None, 0.5) for _ in range(2)))
"""
REAPER = """
import subprocess, sys, threading, time
from pathlib import Path
from luna_embedded.testing import leftovers
leftovers.adopt()
over, turn = threading.Event(), threading.Lock()
own = subprocess.Popen(["true"])
threading.Thread(target=leftovers.reap_until, args=(over, {own.pid}, turn), daemon=True).start()
orphan = int(subprocess.run(["sh", "-c", "sleep 0.2 > /dev/null & echo $!"], stdout=subprocess.PIPE).stdout)
end = time.monotonic() + 30
while Path(f"/proc/{orphan}").exists() and time.monotonic() < end:
    own.poll()
    time.sleep(0.05)
print(own.returncode, Path(f"/proc/{orphan}").exists())
"""


def test_what_a_suite_leaves_running_is_ended_also_what_does_not_want_to() -> None:
    done = subprocess.run([sys.executable, "-c", RUNNER], capture_output=True, text=True, timeout=300, check=False)

    assert (done.stdout, done.stderr) == ("2 0\n", "")


def test_what_has_ended_is_gone_for_all_and_whoever_waits_for_their_own_gets_its_exit_code() -> None:
    done = subprocess.run([sys.executable, "-c", REAPER], capture_output=True, text=True, timeout=300, check=False)

    assert (done.stdout, done.stderr) == ("0 False\n", "")
