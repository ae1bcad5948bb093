"""PostgreSQL and Valkey under the real supervisor: up, down, killed, in each other's way."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import psycopg
import pytest

from luna_embedded.exit_codes import Exit
from luna_embedded.parts.postgres_home import recorded_home
from luna_embedded.reset import wipe
from luna_embedded.supervision.control import ask
from tests.integration.luna_embedded.conftest import Begin, ServersRun, is_gone, until


def refusal(run: ServersRun) -> tuple[int, str]:
    """Exit code and message of a run that must not start."""
    _, said = run.process.communicate(timeout=60)
    return run.process.returncode, said


def test_what_was_written_is_there_after_a_stop_and_a_start(begin: Begin) -> None:
    first = begin()
    first.wait_until_up()
    with first.database() as database:
        database.execute("CREATE TABLE kept (word text)")
        database.execute("INSERT INTO kept VALUES ('book')")
    first.cache().set("kept", "robot")
    assert first.stop() == 0
    assert all(is_gone(pid) for pid in first.recorded_pids())

    second = begin(port=first.port)
    second.wait_until_up()

    with second.database() as database:
        assert database.execute("SELECT word FROM kept").fetchall() == [("book",)]
    assert second.cache().get("kept") == b"robot"


def test_a_server_that_is_killed_comes_back_and_one_that_is_stopped_stays_so_until_it_is_started(begin: Begin) -> None:
    run = begin()
    run.wait_until_up()

    for name, other in (("postgres", "valkey"), ("valkey", "postgres")):
        before = {part["name"]: part["pid"] for part in run.status()["parts"]}
        os.kill(before[name], signal.SIGKILL)
        until("a successor runs", lambda name=name, dead=before[name]: run.runs_without(name, dead))  # type: ignore[misc]
        run.database().close()
        assert run.cache().ping()
        assert run.part(other)["pid"] == before[other]
        assert run.part(name)["restarts"] >= 1
    assert "SIGKILL" in (run.state.logs / "supervisor.log").read_text()

    ask(run.state.control_socket, "stop", "postgres")
    until("it is stopped", lambda: run.part("postgres")["state"] == "stopped")
    with pytest.raises(psycopg.OperationalError):
        run.database()
    assert run.cache().ping()
    ask(run.state.control_socket, "start", "postgres")
    until("it runs", lambda: run.part("postgres")["state"] == "running")
    run.database().close()


def test_parts_die_with_a_supervisor_that_is_killed_and_the_next_one_starts(begin: Begin) -> None:
    run = begin()
    run.wait_until_up()
    with run.database() as database:
        database.execute("CREATE TABLE kept (word text)")
    pids = run.recorded_pids()
    assert len(pids) == 2

    run.process.kill()
    run.process.wait()

    until("its parts are gone", lambda: all(map(is_gone, pids)))
    successor = begin(port=run.port)
    successor.wait_until_up()
    with successor.database() as database:
        assert database.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_second_supervisor_is_refused_and_a_long_name_is_no_matter(begin: Begin, open_folder: Path) -> None:
    state = open_folder / ("long-" * 30) / "state"
    run = begin(state=state)
    run.wait_until_up()

    code, said = refusal(begin(state=state))

    assert code == Exit.IN_THE_WAY
    assert "already running" in said
    assert str(run.process.pid) in said
    assert run.status()["state"] == "running"
    run.database().close()
    assert run.cache().ping()
    assert len(str(run.state.control_socket)) < 108


def test_a_taken_port_is_refused_with_its_number_and_who_has_it(begin: Begin) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        code, said = refusal(begin(port=port))

    assert code == Exit.IN_THE_WAY
    assert f"Port {port} is taken by" in said
    assert f"(process {os.getpid()})" in said
    assert "--port" in said


def test_a_full_disk_is_refused_before_anything_is_written(begin: Begin) -> None:
    run = begin(free=5_000_000)
    code, said = refusal(run)

    assert code == Exit.UNFIT
    assert "Only 5 MB are free" in said
    assert not run.state.logs.exists()


@pytest.mark.skipif(
    os.geteuid() != 0, reason="who is not root runs PostgreSQL as themselves, who can reach their folder"
)
def test_a_folder_that_postgresqls_user_cannot_reach_is_refused_by_name(begin: Begin, open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)

    code, said = refusal(begin(state=closed / "state"))

    assert code == Exit.UNFIT
    assert f"{closed} is closed to it" in said
    assert f"chmod o+x {closed}" in said


def test_nothing_listens_on_a_network_port_and_a_password_is_asked_for_on_the_socket_too(begin: Begin) -> None:
    run = begin()
    run.wait_until_up()
    with run.database() as database:
        assert database.execute("SHOW listen_addresses").fetchone() == ("",)
    assert run.cache().config_get("port") == {"port": "0"}
    for user in ("luna_app", "luna_owner", "postgres"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=str(run.state.run / "postgres"), dbname="luna", user=user, password="wrong")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_the_default_state_in_a_closed_folder_keeps_its_database_elsewhere(begin: Begin, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    run = begin(state=tmp_path / "state", named=False)
    run.wait_until_up()
    home = recorded_home(run.state)

    assert home and home.is_relative_to("/var/lib/luna")
    with run.database() as database:
        assert database.execute("SELECT 1").fetchone() == (1,)
    assert run.stop() == 0
    wipe(run.state)
    assert not home.exists()
    assert not run.state.path.exists()
