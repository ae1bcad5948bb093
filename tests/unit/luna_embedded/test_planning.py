"""What is decided before anything starts."""

from __future__ import annotations

import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from luna_embedded import assembly, planning
from luna_embedded.credentials import load
from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.install.machine import require_disk
from luna_embedded.layout import this_checkout
from luna_embedded.parts import migrate, postgres, simulator
from luna_embedded.parts.postgres_home import PostgresHome
from luna_embedded.parts.run import Options, Run
from luna_embedded.parts.variables import inherited, manage_variables, ros_part_variables, web_variables
from luna_embedded.planning import choose_servers, plan
from luna_embedded.ports import pick, pick_domain, require_free
from luna_embedded.state import LONGEST_RUN_FOLDER, StateDir, read_json, run_folder
from tests import domains

PLENTY = 10**12
KINDS = ("DESK", "STUDY", "RETURN")


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    state = StateDir(tmp_path / "state")
    state.path.mkdir()
    return state


@pytest.fixture
def run(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> Run:
    home = PostgresHome(state.path / "postgres", Path("/opt/pg/bin"), None)
    monkeypatch.setattr(planning, "settle", lambda *_, **__: home)
    options = Options(port=pick([], 1)[0], robots=2)
    made, _ = plan(this_checkout(), planning.Place(state, named=True), options, {}, lambda _: PLENTY)
    return made


class TestOptions:
    @pytest.mark.parametrize(
        "options",
        [
            Options(port=0),
            Options(port=70000),
            Options(robots=0),
            Options(robots=9),
            Options(sim_speed=0),
            Options(sim_speed=1000),
            Options(people=-1),
            Options(people=201),
            Options(floor="/nowhere"),
        ],
    )
    def test_what_nobody_can_run_is_wrong_usage(self, options: Options) -> None:
        with pytest.raises(Refusal) as refused:
            planning.check(this_checkout(), options)

        assert refused.value.code == Exit.USAGE

    def test_a_library_stands_on_a_floor_with_a_desk_and_docks_enough_and_stays_there(
        self, run: Run, state: StateDir, tmp_path: Path
    ) -> None:
        planning.check(run.checkout, Options(robots=24, floor="annex"))
        with pytest.raises(Refusal, match=r"annex has docks for 1 to 24 robots .*, not for 25"):
            planning.check(run.checkout, Options(robots=25, floor="annex"))
        docks = [f"{{location_code: DOCK-{number + 1}, kind: DOCK}}" for number in range(50)]
        places = [*docks, *(f"{{location_code: {kind}-{n}, kind: {kind}}}" for n in (1, 2) for kind in KINDS)]
        (tmp_path / "waypoints.yaml").write_text(f"{{map_id: attic, waypoints: [{', '.join(places)}]}}")
        planning.check(run.checkout, Options(robots=39, floor=str(tmp_path)))
        with pytest.raises(Refusal, match="room for 39 robots"):
            planning.check(run.checkout, Options(robots=40, floor=str(tmp_path)))
        (tmp_path / "waypoints.yaml").write_text(
            "{map_id: attic, waypoints: [{location_code: DESK-1, kind: DESK}, {location_code: S, kind: STUDY}]}"
        )
        with pytest.raises(Refusal, match="lacks DESK-2, a place of kind RETURN"):
            planning.check(run.checkout, Options(floor=str(tmp_path)))
        moved = replace(run.options, floor="annex")
        with pytest.raises(Refusal, match="stands on the floor library") as refused:
            plan(run.checkout, planning.Place(state, named=True), moved, {}, lambda _: PLENTY)
        assert refused.value.code == Exit.USAGE and planning.remembered_floor(state) == "library"

    def test_the_simulator_gets_its_own_copy_of_a_scenario_and_finds_it_when_it_starts_anew(
        self, state: StateDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(planning, "settle", lambda *_, **__: None)
        file = tmp_path / "faults.yaml"
        file.write_text("- {at: 3, fault: LIFTED}")
        options = Options(port=pick([], 1)[0], people=7, seed=9, scenario=str(file))
        plan(this_checkout(), planning.Place(state, named=True), options, {}, lambda _: PLENTY)
        file.unlink()

        run = planning.recorded_run(this_checkout(), state, {})
        words = simulator.part(run).command
        assert run.options == options
        assert all(words[words.index(f"--{name}") + 1] == value for name, value in (("people", "7"), ("seed", "9")))
        assert Path(words[words.index("--scenario") + 1]).read_text() == "- {at: 3, fault: LIFTED}"
        with pytest.raises(Refusal, match=r"faults\.yaml cannot be read") as refused:
            planning.check_scenario(this_checkout(), options, {})
        assert refused.value.code == Exit.USAGE


class TestPorts:
    def test_a_taken_port_is_refused_by_number_and_holder_with_a_mend(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(Refusal, match=rf"Port {port} is taken by somebody.*\n.*--port {port + 1}") as refused:
                require_free(port, lambda _: "somebody")

        assert refused.value.code == Exit.IN_THE_WAY

    def test_the_ports_of_the_last_run_are_taken_again_if_free(self) -> None:
        wanted = pick([], 3)

        assert pick(wanted, 3) == wanted
        assert len(set(pick(wanted[:1], 5))) == 5

    def test_a_used_domain_is_passed_over_for_the_next_and_those_of_the_tests_always(self) -> None:
        first = pick_domain("/some/state", lambda _: False)
        assert pick_domain("/some/state", lambda domain: domain == first) == first + 1
        used: set[int] = set()
        while (domain := pick_domain("/some/state", used.__contains__)) not in used:
            used.add(domain)
        assert used == set(range(1, 102)) - set(domains.DOMAINS)


class TestState:
    def test_a_full_disk_is_told_in_megabytes_and_where(self, tmp_path: Path) -> None:
        with pytest.raises(Refusal, match=r"Only 12 MB are free on the disk of .*; 300 MB are needed") as refused:
            require_disk(tmp_path, 300_000_000, lambda _: 12_000_000)

        assert refused.value.code == Exit.UNFIT

    def test_sockets_lie_in_the_state_directory_if_their_names_fit(self) -> None:
        assert run_folder(Path("/srv/luna"), 1000) == Path("/srv/luna/run")

    @pytest.mark.parametrize("path", ["/srv/" + "x" * 100, "/srv/with blank", "/srv/semi;colon"])
    def test_else_in_a_short_folder_of_this_user(self, path: str) -> None:
        folder = run_folder(Path(path), 1000)

        assert folder.parent == Path("/tmp")
        assert folder.name.startswith("luna-1000-")
        assert len(str(folder)) <= LONGEST_RUN_FOLDER

    def test_a_broken_file_is_named_not_guessed_at(self, tmp_path: Path) -> None:
        (tmp_path / "run.json").write_text("{")
        with pytest.raises(Refusal, match=r"run\.json cannot be read"):
            read_json(tmp_path / "run.json")


class TestCredentials:
    def test_they_are_made_once_and_for_this_user_only(self, state: StateDir) -> None:
        first = load(state, ["luna1"])

        assert load(state, ["luna1"]) == first
        assert stat.S_IMODE(state.secrets.stat().st_mode) == 0o600

    def test_another_robot_gets_its_own_without_changing_the_others(self, state: StateDir) -> None:
        one = load(state, ["luna1"])
        two = load(state, ["luna1", "luna2"])

        assert two.robot_tokens["luna1"] == one.robot_tokens["luna1"]
        assert two.robot_tokens["luna1"] != two.robot_tokens["luna2"]

    def test_logins_do_not_show_their_passwords_by_accident(self, state: StateDir) -> None:
        student = load(state, []).logins()[0]

        assert student.email == "student@luna.example"
        assert student.password not in repr(student)


class TestServers:
    def test_by_default_both_are_ours_and_on_unix_sockets(self, state: StateDir) -> None:
        servers = choose_servers(state, load(state, []), {})

        assert servers.own_postgres and servers.own_valkey
        assert servers.database_url.startswith("postgresql+psycopg://luna_app:")
        assert servers.database_owner_url.startswith("postgresql+psycopg://luna_owner:")
        assert servers.redis_url.startswith("unix:///")
        assert servers.broker_url.startswith("redis+socket:///")

    def test_a_persons_own_are_used_instead(self, state: StateDir) -> None:
        given = {
            "LUNA_DATABASE_URL": "postgresql+psycopg://luna_app@db/luna",
            "LUNA_DATABASE_OWNER_URL": "postgresql+psycopg://luna_owner@db/luna",
            "LUNA_REDIS_URL": "redis://cache:6379/0",
        }
        servers = choose_servers(state, load(state, []), given)

        assert not servers.own_postgres and not servers.own_valkey
        assert servers.database_owner_url == given["LUNA_DATABASE_OWNER_URL"]
        assert servers.broker_url == given["LUNA_REDIS_URL"]

    def test_settings_for_a_database_that_is_not_luna_s_are_refused(self, state: StateDir) -> None:
        given = {
            "LUNA_DATABASE_URL": "postgresql+psycopg://luna_app@db/luna",
            "LUNA_DATABASE_OWNER_URL": "postgresql+psycopg://luna_owner@db/luna",
            "LUNA_POSTGRES_SETTINGS": "work_mem=8MB",
        }
        with pytest.raises(Refusal, match="LUNA_POSTGRES_SETTINGS is for the PostgreSQL that LUNA runs"):
            choose_servers(state, load(state, []), given)

    def test_a_database_without_its_owner_is_refused(self, state: StateDir) -> None:
        with pytest.raises(Refusal, match="LUNA_DATABASE_OWNER_URL"):
            choose_servers(state, load(state, []), {"LUNA_DATABASE_URL": "postgresql+psycopg://luna_app@db/luna"})


class TestParts:
    def test_all_of_them_in_order(self, run: Run) -> None:
        home = PostgresHome(run.state.path / "postgres", Path("/opt/pg/bin"), None)

        assert [part.name for part in assembly.parts(run, home)] == [
            "postgres", "valkey", "migrate", "sim",
            "robot-luna1", "safety-luna1", "rosbridge-luna1",
            "robot-luna2", "safety-luna2", "rosbridge-luna2",
            "bridge-proxy", "web", "worker",
        ]  # fmt: skip

    def test_no_secret_is_on_a_command_line(self, run: Run) -> None:
        secrets = {run.credentials.postgres_app, run.credentials.postgres_owner, run.credentials.jwt_secret}
        secrets |= {*run.credentials.robot_tokens.values(), *run.credentials.bridge_paths.values()}
        secrets |= set(run.credentials.passwords.values())
        words = " ".join(word for part in assembly.parts(run, None) for word in part.command)

        assert not [secret for secret in secrets if secret in words]

    def test_the_web_tier_cannot_be_the_owner_of_the_tables(self, run: Run) -> None:
        assert run.credentials.postgres_owner not in str(web_variables(run))
        assert run.credentials.postgres_owner in str(manage_variables(run))

    def test_robots_know_no_secret_of_the_web_tier(self, run: Run) -> None:
        variables = str(ros_part_variables(run))

        assert run.credentials.jwt_secret not in variables
        assert run.credentials.postgres_app not in variables

    def test_each_robot_starts_at_its_own_dock(self, run: Run) -> None:
        robots = migrate.wishes(run)["robots"]

        assert [(robot["name"], robot["home_waypoint"]) for robot in robots] == [
            ("luna1", "DOCK-1"),
            ("luna2", "DOCK-2"),
        ]
        assert robots[0]["bridge_url"] == f"ws://127.0.0.1:{run.ports.bridge_proxy}/luna1"

    def test_a_sourced_ros_and_a_virtual_environment_are_left_out(self) -> None:
        given = {
            "PATH": "/usr/bin",
            "AMENT_PREFIX_PATH": "/opt/ros/jazzy",
            "PYTHONPATH": "/x",
            "VIRTUAL_ENV": "/v",
            "LUNA_LOG_FORMAT": "console",
            "LUNA_STATE": "/s",
        }

        assert inherited(given) == {"PATH": "/usr/bin", "LUNA_LOG_FORMAT": "console"}

    def test_the_database_is_made_for_two_roles_and_nobody_else(self, state: StateDir) -> None:
        statements = postgres.first_statements(load(state, []))

        assert "CREATE DATABASE luna OWNER luna_owner;" in statements
        assert "REVOKE ALL ON DATABASE luna FROM PUBLIC;" in statements
        assert "SUPERUSER" not in statements
