"""What a command of `./luna` loads before it does anything: whoever types one waits for it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
OF_OTHERS = ("asyncio", "cryptography", "email", "http.client", "psutil", "ssl", "valkey", "luna_embedded.running")


def test_up_in_the_background_leaves_the_supervisors_modules_to_the_supervisor() -> None:
    program = "import sys, luna_embedded.cli, luna_embedded.up; print(*(set(sys.argv[1:]) & set(sys.modules)))"

    done = subprocess.run(
        [sys.executable, "-c", program, *OF_OTHERS],
        env={"PYTHONPATH": str(ROOT / "launch")},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )

    assert done.stdout.split() == []
