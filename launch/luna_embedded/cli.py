"""The verbs of `./luna`. Thin: each one asks the module that knows, and loads no other's."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from luna_embedded import __version__
from luna_embedded.exit_codes import MEANING, Exit, Refusal
from luna_embedded.layout import this_checkout
from luna_embedded.parts.run import Options
from luna_embedded.planning import Place, place
from luna_embedded.sim.cli import app as sim
from luna_embedded.supervision.control import ask

CODES = "\n\n".join(f"{code.value}: {meaning}" for code, meaning in MEANING.items())
console = Console(highlight=False)

app = typer.Typer(
    help="LUNA: library books delivered by robot. `./luna up` runs a whole library on this machine.",
    epilog=f"Exit codes:\n\n{CODES}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
people = typer.Typer(help="Manage the people of a running LUNA, and see its periodic jobs.", no_args_is_help=True)
app.add_typer(people, name="admin")
events = typer.Typer(help="Events that LUNA could not handle.", no_args_is_help=True)
app.add_typer(events, name="events")
app.add_typer(sim, name="sim")

State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        envvar="LUNA_STATE",
        metavar="DIR",
        help="State directory: database, logs, secrets.",
        show_default=".luna/state",
    ),
]
Part = Annotated[str, typer.Argument(metavar="PART", help="A part as `./luna status` lists it.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def _place(state: Path | None) -> Place:
    return place(this_checkout(), state)


def _option(where: Place) -> str:
    return f" --state {where.state.path}" if where.named else ""


@app.command()
def up(
    state: State = None,
    port: Annotated[int, typer.Option(help="Port of the web tier on 127.0.0.1.")] = 8000,
    robots: Annotated[int, typer.Option(metavar="N", help="How many robots the library has, one a dock.")] = 1,
    sim_speed: Annotated[
        float, typer.Option(metavar="X", help="How many times as fast as real time the simulation runs.")
    ] = 1.0,
    people: Annotated[int, typer.Option(metavar="N", help="How many people walk about, 0 to 200.")] = 0,
    seed: Annotated[int, typer.Option(help="For everything in the simulation that is left to chance.")] = 1,
    scenario: Annotated[Path | None, typer.Option(metavar="FILE", help="Faults that happen at set times.")] = None,
    floor: Annotated[
        str | None,
        typer.Option(metavar="FLOOR", help="A floor below sim/maps, or a folder. None: as before, library at first."),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once everything runs; stop it with `./luna down`.")
    ] = False,
) -> None:
    """Start everything; print address and logins. Ctrl-C stops it and loses nothing."""
    from luna_embedded.planning import remembered_floor
    from luna_embedded.sim.alone import asked_floor
    from luna_embedded.up import up_attached, up_detached

    where = _place(state)
    faults = str(scenario.absolute()) if scenario else ""
    stands = remembered_floor(where.state) if floor is None else asked_floor(this_checkout(), floor)
    options = Options(port, robots, sim_speed, people, seed, faults, stands)
    run = up_detached if detach else up_attached
    raise typer.Exit(run(this_checkout(), where, options, console, _option(where)))


@app.command()
def down(state: State = None) -> None:
    """Stop a running LUNA."""
    from luna_embedded.up import down as stop_run

    stop_run(_place(state).state)
    console.print("LUNA has stopped.")


@app.command("status")
def show_status(
    state: State = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What runs: address, parts, versions."""
    from luna_embedded import status

    raise typer.Exit(status.show(_place(state).state, console, as_json=as_json))


@app.command()
def logs(
    part: Part,
    state: State = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines from the end.")] = 50,
) -> None:
    """Show a part's log, or the supervisor's."""
    from luna_embedded import status

    status.show_log(_place(state).state, part, lines, follow=follow)


@app.command()
def stop(part: Part, state: State = None) -> None:
    """Stop one part until it is started again; the others go on."""
    from luna_embedded import status

    status.order(_place(state).state, "stop", part)


@app.command()
def start(part: Part, state: State = None) -> None:
    """Start a part that was stopped or given up."""
    from luna_embedded import status

    status.order(_place(state).state, "start", part)


@app.command()
def restart(part: Part, state: State = None) -> None:
    """Stop one part and start it."""
    from luna_embedded import status

    status.order(_place(state).state, "restart", part)


@app.command("doctor")
def examine(
    state: State = None,
    port: Annotated[int, typer.Option(help="Port that `up` shall use.")] = 8000,
) -> None:
    """Say what is wrong on this machine and how to mend it."""
    from luna_embedded import doctor

    raise typer.Exit(doctor.examine(this_checkout(), _place(state), port, console))


@app.command("reset")
def begin_anew(
    state: State = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete everything that this state directory holds: database, journals, logs, secrets."""
    from luna_embedded import reset

    where = _place(state)
    if not yes and not typer.confirm(f"Delete the library in {where.state.path}, with all its loans and people?"):
        raise Refusal("Nothing was deleted.", "", Exit.FAILED)
    reset.wipe(where.state)
    console.print("Deleted. The next ./luna up begins anew.")


@app.command()
def demo(state: State = None) -> None:
    """A student and a librarian deliver a real book by robot and take it back, through the public API."""
    from luna_embedded.credentials import load
    from luna_embedded.demo import run_demo
    from luna_embedded.demo.story import Account

    where = _place(state)
    address = ask(where.state.control_socket, "status")["address"]
    student, librarian, _ = (Account(login.email, login.password) for login in load(where.state, ()).logins())
    raise typer.Exit(run_demo(address, student, librarian, console))


@app.command()
def bench(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="api, catalog, live, robot, sim; emergency-stop: of a running LUNA.")
    ],
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", min=1, max=1000, help="How often (50); api: 20 calls each; trials: goals (100)."),
    ] = None,
    titles: Annotated[int, typer.Option(min=1000, max=5_000_000, help="catalog: how many titles it has.")] = 1_000_000,
    trials: Annotated[bool, typer.Option("--trials", help="sim: random goals for ten robots, not speed.")] = False,
    people: Annotated[int, typer.Option(min=0, max=100, help="sim --trials: how many walk about.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="sim --trials: for goals, places and people.")] = 1,
    system: Annotated[
        bool, typer.Option("--system", help="sim: a whole LUNA of its own with four robots that deliver.")
    ] = False,
    state: State = None,
) -> None:
    """Measure; prints a table and writes JSON into the state directory."""
    from luna_embedded.bench.api import bench_api
    from luna_embedded.bench.catalog import bench_catalog
    from luna_embedded.bench.live import bench_live
    from luna_embedded.bench.main import bench_stops
    from luna_embedded.bench.robot import bench_robot
    from luna_embedded.bench.sim import bench_sim, bench_trials
    from luna_embedded.credentials import load
    from luna_embedded.demo.story import Account

    where, goals, count = _place(state), count or 100, count or 50
    if what == "api":
        raise typer.Exit(bench_api(this_checkout(), where.state.path, count, console))
    if what == "catalog":
        raise typer.Exit(bench_catalog(this_checkout(), where.state.path, titles, count, console))
    if what == "live":
        raise typer.Exit(bench_live(this_checkout(), where.state.path, console))
    if what == "robot":
        raise typer.Exit(bench_robot(this_checkout(), where.state.path, count, console))
    if trials and system:
        raise Refusal("--trials and --system are two benchmarks.", "Ask for one of them.", Exit.USAGE)
    if what == "sim" and trials:
        raise typer.Exit(bench_trials(this_checkout(), where.state.path, goals, people, seed, console))
    if what == "sim" and system:
        from luna_embedded.bench.system import bench_system

        raise typer.Exit(bench_system(this_checkout(), where.state.path, 60.0, console))
    if what == "sim":
        raise typer.Exit(bench_sim(this_checkout(), where.state.path, 10.0, console))
    if what != "emergency-stop":
        there = "There are: api, catalog, emergency-stop, live, robot, sim."
        raise Refusal(f"There is no benchmark {what!r}.", there, Exit.USAGE)
    running = ask(where.state.control_socket, "status")
    student, librarian, _ = (Account(login.email, login.password) for login in load(where.state, ()).logins())
    raise typer.Exit(bench_stops(this_checkout(), where.state.path, running, student, librarian, count, console))


@app.command(
    "ros",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)
def ros_command(context: typer.Context, state: State = None) -> None:
    """Do what `ros2` does, in the running LUNA: `./luna ros topic echo /luna1/status --once`; `./luna ros --help`."""
    from luna_embedded.ros import become_ros_command

    become_ros_command(this_checkout(), _place(state).state, context.args, os.environ)


@app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_tests(context: typer.Context) -> None:
    """Run the checks and tests. Arguments go to pytest, as in `./luna test tests/unit/web -k name`."""
    from luna_embedded import testing

    raise typer.Exit(testing.run(this_checkout(), context.args, os.environ))


@people.command("create-user")
def create_user(
    email: Email,
    role: Annotated[str, typer.Option(help="STUDENT, LIBRARIAN or ADMIN.")],
    password_stdin: FromStdin = False,
    first_name: Annotated[str, typer.Option()] = "",
    last_name: Annotated[str, typer.Option()] = "",
    state: State = None,
) -> None:
    """Make an account; an error if it exists."""
    names = [*(["--first-name", first_name] if first_name else []), *(["--last-name", last_name] if last_name else [])]
    _manage(
        state,
        ["create-user", email, "--role", role.upper(), "--password-stdin", *names],
        password_stdin,
        needs_password=True,
    )


@people.command("set-password")
def set_password(email: Email, password_stdin: FromStdin = False, state: State = None) -> None:
    """Set somebody's password."""
    _manage(state, ["set-password", email, "--password-stdin"], password_stdin, needs_password=True)


@people.command("list-users")
def list_users(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    state: State = None,
) -> None:
    """List the accounts."""
    _manage(state, ["list-users", *(["--json"] if as_json else [])], False, needs_password=False)


@people.command("jobs")
def jobs(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    state: State = None,
) -> None:
    """Say when each periodic job ran last, and with what result."""
    _manage(state, ["jobs", *(["--json"] if as_json else [])], False, needs_password=False)


@events.command("dead")
def dead_events(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    state: State = None,
) -> None:
    """List dead letters: events that a consumer gave up on, with its error and when."""
    _manage(state, ["events", "dead", *(["--json"] if as_json else [])], False, needs_password=False)


@events.command("replay")
def replay_events(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `events dead` lists them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that can be.")] = False,
    state: State = None,
) -> None:
    """Give dead letters to their consumers once more."""
    if bool(ids) == everything:
        raise Refusal("Which?", "Name dead letters as `./luna events dead` lists them, or say --all.", Exit.USAGE)
    _manage(state, ["events", "replay", *(["--all"] if everything else ids or [])], False, needs_password=False)


def _manage(state: Path | None, words: Sequence[str], password_stdin: bool, *, needs_password: bool) -> None:
    from luna_embedded import admin
    from luna_embedded.planning import recorded_run

    where = _place(state)
    ask(where.state.control_socket, "status")
    password = admin.password(password_stdin) if needs_password else ""
    run = recorded_run(this_checkout(), where.state, os.environ)
    raise typer.Exit(admin.manage(run, words, password))


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"luna {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """LUNA: library books delivered by robot. `./luna up` runs a whole library on this machine."""


def main() -> int:
    """Run the command; returns the exit code."""
    try:
        code = app(prog_name="./luna", standalone_mode=False)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    except typer.Exit as end:
        return end.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return Exit.OK
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "show"):  # click's usage errors
            error.show()
            return int(error.exit_code)
        raise
    return int(code or 0)
