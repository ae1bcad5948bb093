"""Decides everything about a run before anything starts: places, ports, secrets, servers. Refuses what cannot work."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from luna_embedded.credentials import Credentials, load
from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.floor_facts import require_library
from luna_embedded.install.machine import free_bytes
from luna_embedded.layout import Checkout, python_of, write_private
from luna_embedded.parts import postgres, valkey
from luna_embedded.parts.account import postgres_account
from luna_embedded.parts.postgres_home import PostgresHome, settle, socket_folder
from luna_embedded.parts.run import Options, Ports, Run, Servers, floor_of
from luna_embedded.parts.variables import inherited
from luna_embedded.ports import TESTS, domain_is_used, holder_of, pick, pick_domain, require_free
from luna_embedded.state import StateDir, prepare, read_json, write_json

MOST_PEOPLE = 200
"""As many as the simulator takes."""
_SCENARIOS = "docs/simulation.md, Faults, says what may stand in it."


@dataclass(frozen=True)
class Place:
    """A state directory, and whether it was asked for by name."""

    state: StateDir
    named: bool


def place(checkout: Checkout, asked: Path | None) -> Place:
    """The state directory of a command."""
    path = (asked or checkout.default_state).expanduser().absolute()
    return Place(StateDir(path), named=asked is not None)


def check(checkout: Checkout, options: Options) -> None:
    """Raise Refusal for what nobody can run."""
    require_library(floor_of(checkout, options), options.robots)
    if not 1 <= options.port <= 65535:
        raise Refusal(f"{options.port} is not a port.", "Ports are 1 to 65535.", Exit.USAGE)
    if not 0.5 <= options.sim_speed <= 50.0:
        raise Refusal(
            f"The simulation runs at 0.5 to 50 times real time, not {options.sim_speed:g}.",
            "Choose another --sim-speed.",
            Exit.USAGE,
        )
    if not 0 <= options.people <= MOST_PEOPLE:
        what = f"0 to {MOST_PEOPLE} people walk about in the library, not {options.people}."
        raise Refusal(what, "Choose another --people.", Exit.USAGE)


def plan(
    checkout: Checkout,
    where: Place,
    options: Options,
    environment: Mapping[str, str],
    free: Callable[[Path], int] = free_bytes,
) -> tuple[Run, PostgresHome | None]:
    """Make the folders and decide the run. Call it with the supervisor's lock held. Raises Refusal."""
    check(checkout, options)
    state = where.state
    prepare(state, free)
    require_free(options.port, holder_of)
    credentials = load(state, options.robot_names)
    own_postgres = not environment.get("LUNA_DATABASE_URL")
    home = settle(state, postgres_account(), named=where.named) if own_postgres else None
    servers = choose_servers(state, credentials, environment)
    before = read_json(state.run_file)
    _require_same_floor(state, before, options)
    ports = _ports(options, before)
    domain = choose_domain(state, before, environment)
    run = Run(checkout, state, options, ports, credentials, servers, domain, inherited(environment))
    write_json(
        state.run_file,
        {"options": asdict(options), "ports": asdict(ports), "ros_domain": domain, "address": run.address},
    )
    if run.scenario is not None:
        write_private(run.scenario, _scenario(options))
    return run, home


def remembered_floor(state: StateDir) -> str:
    """The floor on which the library in a state directory stands, as `Options.floor` has it."""
    return str(read_json(state.run_file).get("options", {}).get("floor", Options.floor))


def _require_same_floor(state: StateDir, before: Mapping[str, Any], options: Options) -> None:
    """A database knows its floor's places, robots' homes, what stands where: none of it can move to another floor."""
    if before and remembered_floor(state) != options.floor:
        what = f"The library in {state.path} stands on the floor {remembered_floor(state)}."
        raise Refusal(what, "Leave --floor out; or give another --state; ./luna reset begins anew.", Exit.USAGE)


def check_scenario(checkout: Checkout, options: Options, environment: Mapping[str, str]) -> None:
    """Have the simulator look at the faults that are to happen. Raises Refusal with what it says of them."""
    if not options.scenario:
        return
    _scenario(options)
    command = [str(python_of(checkout.ros_env)), "-m", "luna_sim", "--check"]
    command += ["--floor", str(floor_of(checkout, options)), "--robots", ",".join(options.robot_names)]
    command += ["--scenario", options.scenario]
    variables = {**inherited(environment), "PYTHONPATH": ":".join(map(str, checkout.import_roots))}
    done = subprocess.run(command, env=variables, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Refusal(said.partition("error: ")[2] or said, f"Mend the file; {_SCENARIOS}", Exit.USAGE)


def _scenario(options: Options) -> str:
    """The text of the file. Raises Refusal."""
    try:
        return Path(options.scenario).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = f"--scenario: {options.scenario} cannot be read: {error}"
        raise Refusal(why, f"Name a YAML file of faults; {_SCENARIOS}", Exit.USAGE) from error


def recorded_run(checkout: Checkout, state: StateDir, environment: Mapping[str, str]) -> Run:
    """The run that is going on with this state directory, as its supervisor wrote it down. Raises Refusal."""
    known = read_json(state.run_file)
    if not known:
        raise Refusal("LUNA has never run with this state directory.", "Start it with ./luna up.", Exit.NOT_RUNNING)
    options = Options(**known["options"])
    credentials = load(state, options.robot_names)
    servers = choose_servers(state, credentials, environment)
    return Run(
        checkout,
        state,
        options,
        Ports(**known["ports"]),
        credentials,
        servers,
        known["ros_domain"],
        inherited(environment),
    )


def choose_servers(state: StateDir, credentials: Credentials, environment: Mapping[str, str]) -> Servers:
    """The person's own servers where LUNA_DATABASE_URL or LUNA_REDIS_URL name them, else those of this run."""
    database, redis = environment.get("LUNA_DATABASE_URL", ""), environment.get("LUNA_REDIS_URL", "")
    if database and not environment.get("LUNA_DATABASE_OWNER_URL"):
        what = "LUNA_DATABASE_URL names your own PostgreSQL; migrations need its owner's address, too."
        raise Refusal(
            what,
            "Set LUNA_DATABASE_OWNER_URL (a role that owns the database); LUNA_DATABASE_URL is the role luna_app.",
            Exit.USAGE,
        )
    if database and environment.get(postgres.SETTINGS_VARIABLE):
        raise Refusal(
            f"{postgres.SETTINGS_VARIABLE} is for the PostgreSQL that LUNA runs, and LUNA_DATABASE_URL names your own.",
            f"Unset {postgres.SETTINGS_VARIABLE}; what it says belongs in your postgresql.conf.",
            Exit.USAGE,
        )
    broker = environment.get("LUNA_CELERY_BROKER_URL") or (redis.replace("unix://", "redis+socket://") if redis else "")
    sockets = socket_folder(state)
    return Servers(
        database_url=database or postgres.database_url(postgres.APP, credentials.postgres_app, sockets),
        database_owner_url=environment.get("LUNA_DATABASE_OWNER_URL", "")
        if database
        else postgres.database_url(postgres.OWNER, credentials.postgres_owner, sockets),
        redis_url=redis or valkey.redis_url(state.run),
        broker_url=broker or valkey.broker_url(state.run),
        own_postgres=not database,
        own_valkey=not redis,
    )


def _ports(options: Options, before: Mapping[str, Any]) -> Ports:
    known = before.get("ports", {})
    wanted = [int(port) for port in (known.get("bridge_proxy"), *known.get("rosbridges", {}).values()) if port]
    found = pick([port for port in wanted if port != options.port], 1 + options.robots)
    return Ports(found[0], dict(zip(options.robot_names, found[1:], strict=True)))


def choose_domain(state: StateDir, before: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """ROS_DOMAIN_ID if set; else that of the run before, or one that nobody uses. Raises Refusal."""
    if asked := environment.get("ROS_DOMAIN_ID", ""):
        if not asked.isdecimal() or not 0 <= int(asked) <= 101:
            raise Refusal(
                f"ROS_DOMAIN_ID is {asked!r}.", "A ROS domain is a number from 0 to 101; or unset it.", Exit.USAGE
            )
        return int(asked)
    known = before.get("ros_domain")
    if known and known not in TESTS and not domain_is_used(known):
        return int(known)
    return pick_domain(str(state.path), domain_is_used)
