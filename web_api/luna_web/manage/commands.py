"""The commands' words and options. Exit codes: 0 done, 1 refused (why is on stderr), 2 wrong usage."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn
from uuid import UUID

import typer
from pydantic import SecretStr, ValidationError
from sqlalchemy.exc import DBAPIError

from luna_web.manage.steps import BootstrapPlan, Refused, RobotPlan, Steps, UserPlan
from luna_web.shared import keys, vapid
from luna_web.shared.config import Settings
from luna_web.shared.errors import LunaError
from luna_web.shared.keys import KeyKind
from luna_web.shared.models import Job
from luna_web.shared.principal import Role

HELP = "`python -m luna_web.manage COMMAND`. Exit codes: 0 done, 1 refused (why is on stderr), 2 wrong usage."
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
events = typer.Typer(help="Events that consumers gave up on.", no_args_is_help=True)
app.add_typer(events, name="events")
Email = Annotated[str, typer.Argument(metavar="EMAIL")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input")]
FirstName = Annotated[str, typer.Option("--first-name")]
LastName = Annotated[str, typer.Option("--last-name")]


@contextmanager
def steps() -> Iterator[Steps]:
    """The commands, with every refusal told in one line and exit code 1."""
    try:
        yield Steps(Settings(), say)
    except LunaError as error:
        refuse("; ".join([error.message, *_fields(error)]))
    except (Refused, OSError) as error:
        refuse(str(error))
    except ValidationError as error:
        refuse("; ".join(_fault(fault["loc"], fault["msg"], error.title) for fault in error.errors()))
    except DBAPIError as error:
        refuse(f"the database says: {error.orig}")


def say(line: str) -> None:
    print(line, flush=True)


def refuse(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    sys.exit(1)


def _fields(error: LunaError) -> list[str]:
    return [f"{name}: {', '.join(faults)}" for name, faults in error.details.get("fields", {}).items()]


def _fault(place: tuple[int | str, ...], message: str, title: str) -> str:
    """A wrong setting is named as the variable that it comes from."""
    name = ".".join(str(part) for part in place)
    return f"LUNA_{name.upper()}: {message}" if title == "Settings" and name else f"{name} {message}".strip()


def secret_from_stdin(wanted: bool, what: str) -> SecretStr:
    """A secret never travels on a command line, where everybody on the machine could read it."""
    if not wanted:
        raise typer.BadParameter(f"give the {what} on standard input, with --{what}-stdin")
    return SecretStr(sys.stdin.readline().rstrip("\r\n"))


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    with steps() as run:
        run.migrate()


@app.command()
def seed_floor(folder: Annotated[Path, typer.Argument(help="Folder of a floor, such as sim/maps/library")]) -> None:
    """Load map and waypoints."""
    with steps() as run:
        run.seed_floor(folder)


@app.command()
def seed_catalog() -> None:
    """Put the seed catalog on the shelves."""
    with steps() as run:
        run.seed_catalog()


@app.command()
def register_robot(
    name: Annotated[str, typer.Option()],
    namespace: Annotated[str, typer.Option()],
    bridge_url: Annotated[str, typer.Option()],
    home_waypoint: Annotated[str, typer.Option()],
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the bridge's token from standard input")
    ] = False,
) -> None:
    """Make a robot known, or change what is known of it."""
    token = secret_from_stdin(token_stdin, "token")
    with steps() as run:
        run.register_robot(
            RobotPlan(name=name, namespace=namespace, bridge_url=bridge_url, home_waypoint=home_waypoint, token=token)
        )


@app.command()
def ensure_user(
    email: Email,
    role: Annotated[Role, typer.Option()],
    first_name: FirstName,
    last_name: LastName,
    password_stdin: PasswordStdin = False,
) -> None:
    """Make a user if there is none with this email; else change nothing."""
    password = secret_from_stdin(password_stdin, "password")
    with steps() as run:
        run.ensure_user(UserPlan(email=email, role=role, first_name=first_name, last_name=last_name, password=password))


@app.command()
def create_user(
    email: Email,
    role: Annotated[Role, typer.Option()],
    first_name: FirstName = "New",
    last_name: LastName = "User",
    password_stdin: PasswordStdin = False,
) -> None:
    """Make a user; refused if there is one with this email."""
    password = secret_from_stdin(password_stdin, "password")
    with steps() as run:
        run.create_user(UserPlan(email=email, role=role, first_name=first_name, last_name=last_name, password=password))


@app.command()
def set_password(email: Email, password_stdin: PasswordStdin = False) -> None:
    """Give a user a new password and end their sessions."""
    password = secret_from_stdin(password_stdin, "password")
    with steps() as run:
        run.set_password(email, password.get_secret_value())


@app.command()
def list_users(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Everybody who has an account."""
    with steps() as run:
        users = run.users()
        if as_json:
            say(json.dumps([asdict(user) for user in users], default=str))
            return
        for user in users:
            disabled = "" if user.is_active else "\t(disabled)"
            say(f"{user.email}\t{user.role}\t{user.full_name}{disabled}")


@app.command()
def jobs(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """When each periodic job ran last, and with what result."""
    with steps() as run:
        known = run.jobs()
        if as_json:
            columns = Job.__table__.columns.keys()
            say(json.dumps([{name: getattr(job, name) for name in columns} for job in known], default=str))
            return
        for job in known:
            say("\t".join((job.name, f"every {job.every_seconds} s", _last_run(job))))


def _last_run(job: Job) -> str:
    if job.last_finished_at is None:
        return "never finished"
    result = f"failed {job.failures} times: {job.last_error}" if job.last_error else f"{job.last_handled} done"
    return f"{job.last_finished_at:%Y-%m-%dT%H:%M:%SZ}\t{result}"


@app.command()
def make_key(
    algorithm: Annotated[KeyKind, typer.Option(help="Of EdDSA the public half is printed, too")] = KeyKind.HS256,
) -> None:
    """Print a fresh key for the front of LUNA_JWT_KEYS."""
    key = keys.make_key(algorithm)
    say(key.text())
    if key.kind is KeyKind.EDDSA:
        say(keys.public_half(key).text())


@app.command()
def make_push_key() -> None:
    """Print a fresh key for LUNA_PUSH_KEY. Browsers that were subscribed with another one must subscribe anew."""
    say(vapid.make_push_key().text())


@events.command("dead")
def dead_events(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Events that a consumer gave up on: which, why, when."""
    with steps() as run:
        dead = run.dead_events()
        if as_json:
            say(json.dumps([asdict(one) for one in dead], default=_json))
            return
        for one in dead:
            what = one.event_type or "an event that is kept no longer"
            again = ["(is being replayed)"] if one.replay_asked_at else []
            when = f"{one.died_at:%Y-%m-%d %H:%M:%S}Z"
            say("\t".join([str(one.id), when, one.consumer, what, one.aggregate, _line(one.error), *again]))


@events.command("replay")
def replay_events(
    ids: Annotated[list[UUID] | None, typer.Argument(metavar="ID…", help="As `events dead` lists them")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that can be")] = False,
) -> None:
    """Give dead letters to their consumers once more."""
    if bool(ids) == everything:
        raise typer.BadParameter("name dead letters, or say --all")
    with steps() as run:
        run.replay_events(ids or None)


def _line(text: str) -> str:
    """What somebody else's words are on a terminal: one line, and nothing that moves its cursor."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _json(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


@app.command()
def bootstrap(plan: Annotated[str, typer.Option("--json", help="A file, or - for standard input")]) -> None:
    """Migrate, load floor and catalog, register robots, make users: all at once, from a JSON document."""
    with steps():
        text = sys.stdin.read() if plan == "-" else Path(plan).read_text()
    bootstrap_from(text)


def bootstrap_from(plan: str) -> None:
    """Do all that a plan, as JSON, asks for."""
    with steps() as run:
        run.bootstrap(BootstrapPlan.model_validate_json(plan))
