"""What processes load at their start: each module there is time that every start and every test with one waits for.

One process, in which what loads least comes first.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FRAMEWORKS = {"fastapi", "starlette", "uvicorn", "typer"}
OF_OTHERS = {"rich", "twisted", "pygments"}
"""What structlog loads where it is installed (`luna_web.shared.loggers`)."""
SELDOM = {"alembic", "httpx", "webpush", "openpyxl"}
"""For migrations, pushes and imports of files, which few processes ever come to."""
NOT_LOADED = {
    "luna_web.manage.bootstrap": FRAMEWORKS | OF_OTHERS | SELDOM | {"sqlalchemy", "pydantic", "structlog", "redis"},
    "luna_web.worker.__main__": FRAMEWORKS | OF_OTHERS | SELDOM | {"pymarc", "PIL", "roslibpy"},
    "luna_web.main": OF_OTHERS | (SELDOM - {"openpyxl"}) | {"typer"},
}
PROGRAM = """
import importlib, sys
for line in sys.argv[1:]:
    module, *unwanted = line.split()
    importlib.import_module(module)
    print(module, *sorted(name for name in unwanted if name in sys.modules))
"""


def test_processes_load_nothing_that_they_do_not_need_to_start() -> None:
    asked = [" ".join([module, *sorted(unwanted)]) for module, unwanted in NOT_LOADED.items()]

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *asked],
        env={"PYTHONPATH": str(ROOT / "web_api")},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )

    assert done.stdout.splitlines() == list(NOT_LOADED)
