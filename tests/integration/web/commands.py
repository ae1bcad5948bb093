"""The commands of `python -m luna_web.manage` in this process: to start it costs seconds."""

import subprocess
from collections.abc import Callable, Mapping

from typer.testing import CliRunner

from luna_web.manage.commands import app

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
CHEAP_HASHES = {"LUNA_ARGON2_MEMORY_KIB": "1024", "LUNA_ARGON2_PASSES": "1"}


def commands(variables: Mapping[str, str]) -> Run:
    """`run("list-users", "--json", stdin="…", LUNA_X="…")`: what it says, and its exit code."""
    runner = CliRunner()

    def run(*words: str, stdin: str = "", **more: str) -> Done:
        result = runner.invoke(app, words, input=stdin, env={**CHEAP_HASHES, **variables, **more})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done([*words], result.exit_code, result.stdout, result.stderr)

    return run
