"""rosbridge's program behind the guard, at the signal that ends it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import luna_bringup

# Packages with `__init__.py`, so that they come before installed ones on a machine with ROS.
PACKAGES = {
    "ament_index_python/__init__.py": "",
    "ament_index_python/packages.py": "def get_package_prefix(name):\n    return {prefix}\n",
    "rosbridge_library/__init__.py": "",
    "rosbridge_library/protocol.py": "class Protocol:\n    def register_operation(self, opcode, handler): pass\n",
}
# As rosbridge_suite's: it ends at KeyboardInterrupt, and at nothing else.
SERVER = """
import time
try:
    print("serves", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("ended", flush=True)
"""


def test_sigterm_ends_it_as_sigint_does(tmp_path: Path) -> None:
    program = tmp_path / "lib/rosbridge_server/rosbridge_websocket"
    for path, text in ((program, SERVER), *((tmp_path / path, text) for path, text in PACKAGES.items())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{prefix}", repr(str(tmp_path))))
    roots = [str(tmp_path), str(Path(luna_bringup.__file__).parent.parent)]
    start = "from luna_bringup.rosbridge import main; raise SystemExit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", start, "--robot", "/luna1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "serves\n"
        server.send_signal(signal.SIGTERM)
        assert server.communicate(timeout=300.0) == ("ended\n", None)
        assert server.returncode == 0
