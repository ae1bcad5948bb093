"""Who has a robot's work, and when it is free again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from luna_robot.sole import Hold, InUse

HOLDER = "import sys; from pathlib import Path; from luna_robot.sole import Hold; hold = Hold(Path(sys.argv[1])); "


def test_one_alone_has_it_until_it_lets_go(tmp_path: Path) -> None:
    first = Hold(tmp_path)
    with pytest.raises(InUse, match="in use by another process"):
        Hold(tmp_path)
    first.close()
    first.close()

    Hold(tmp_path).close()


def test_a_killed_one_has_it_no_longer_and_a_child_of_its_never_had(tmp_path: Path) -> None:
    begets = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", HOLDER + begets, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    orphan = int(holder.stdout.readline())
    try:
        with pytest.raises(InUse):
            Hold(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait(30)

        Hold(tmp_path).close()
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_what_is_not_there_cannot_be_held(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Hold(tmp_path / "nowhere")
