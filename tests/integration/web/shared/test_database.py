"""What the database itself holds to: grants, partitions, triggers, isolation of the tests."""

from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from luna_web.auth.models import User
from luna_web.main import ALL
from luna_web.shared.appending import write_appended
from luna_web.shared.audit import RequestMeta, audit, forget_months, make_months
from luna_web.shared.database import Base, SessionFactory, after_commit, transaction
from luna_web.shared.migrate import MIGRATIONS, migrate, owner_engine
from luna_web.shared.models import AuditLog, Outbox
from luna_web.shared.outbox import notify, record_event
from luna_web.shared.pinging import is_silent
from tests.integration.servers import Postgres, wait_until
from tests.integration.world import People


class Abandoned(Exception):
    """A transaction that is given up."""


def abandon(factory: SessionFactory, act: Callable[[Session], object]) -> None:
    """Do something in a transaction that then fails."""
    with transaction(factory) as session:
        act(session)
        write_appended(session)
        raise Abandoned


def test_migrations_take_as_long_as_they_take_and_other_statements_do_not(
    postgres_server: Postgres, session: Session
) -> None:
    engine = owner_engine(postgres_server.url("luna_owner", "luna"))
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "0"
    engine.dispose()
    assert session.scalar(text("SHOW statement_timeout")) != "0"


class TestAuditTrail:
    @pytest.mark.parametrize(
        "change", ["UPDATE audit_logs SET action = 'x'", "DELETE FROM audit_logs", "TRUNCATE audit_logs"]
    )
    def test_the_application_can_only_add_to_it(self, session: Session, change: str) -> None:
        audit(session, None, "user.created", "user", "1", {}, RequestMeta("192.0.2.7"))
        write_appended(session)

        with pytest.raises(DBAPIError, match="permission denied"):
            session.execute(text(change))

    def test_nor_reach_a_partition_past_it(self, session: Session) -> None:
        audit(session, None, "user.created", "user", "1")
        write_appended(session)
        partition = session.scalar(select(text("tableoid::regclass::text")).select_from(AuditLog))

        with pytest.raises(DBAPIError, match="permission denied"):
            session.execute(text(f"DELETE FROM {partition}"))  # noqa: S608 - a name that the database gave

    def test_there_is_a_partition_for_a_year_from_now(self, session: Session) -> None:
        audit(session, None, "later", "user", "1")
        write_appended(session)
        session.scalars(select(AuditLog)).one()

        session.execute(
            text(
                "INSERT INTO audit_logs (id, at, action, resource_type, trace_id)"
                " VALUES (gen_random_uuid(), now() + interval '330 days', 'a', 'b', 'c')"
            )
        )

    def test_months_are_made_ahead_and_dropped_but_never_of_the_last_year(self, postgres_server: Postgres) -> None:
        """By the application, on a LUNA that runs for years without an upgrade."""
        engine = owner_engine(postgres_server.url("postgres", "luna"))
        with Session(engine) as session:
            session.execute(text("SET LOCAL ROLE luna_owner"))
            session.execute(text("SELECT ensure_monthly_partitions('audit_logs', date '2001-01-01', 2)"))
            session.execute(text("SET LOCAL ROLE luna_app"))
            months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass"
            before = session.scalar(text(months))
            assert [make_months(session, 15) for _ in range(2)] == [2, 0]
            assert forget_months(session, datetime(2001, 2, 15, tzinfo=UTC)) == 1
            assert forget_months(session, datetime(2001, 3, 1, tzinfo=UTC)) == 1
            assert session.scalar(text(months)) == before
            for statement in ("SELECT audit_logs_forget(now() - interval '364 days')", "SELECT audit_logs_ahead(25)"):
                with pytest.raises(DBAPIError, match=r"last year is kept|must be 1 to 24"), session.begin_nested():
                    session.execute(text(statement))
            session.rollback()
        engine.dispose()


class TestOutbox:
    def test_an_event_wakes_the_relay_when_it_is_committed(
        self, session_factory: SessionFactory, postgres_server: Postgres
    ) -> None:
        with postgres_server.admin("luna") as listener:
            listener.execute("LISTEN luna_outbox")
            with transaction(session_factory) as session:
                record_event(
                    session, type="test.thing.happened", source="test", aggregate="thing:1", aggregate_seq=1, payload={}
                )
            woken = next(listener.notifies(timeout=5))

        assert woken.channel == "luna_outbox"

    def test_an_event_of_a_change_that_failed_is_not_there(self, session_factory: SessionFactory) -> None:
        with pytest.raises(Abandoned):
            abandon(
                session_factory,
                lambda session: record_event(
                    session, type="test.thing.happened", source="test", aggregate="thing:1", aggregate_seq=1, payload={}
                ),
            )

        with transaction(session_factory) as session:
            assert session.scalars(select(Outbox)).all() == []

    def test_other_channels_carry_their_payload(
        self, session_factory: SessionFactory, postgres_server: Postgres
    ) -> None:
        with postgres_server.admin("luna") as listener:
            listener.execute("LISTEN luna_wanted")
            with transaction(session_factory) as session:
                notify(session, "luna_wanted", "*")
            assert next(listener.notifies(timeout=5)).payload == "*"


class TestTransactions:
    def test_a_hint_is_given_after_the_commit_and_never_without_one(self, session_factory: SessionFactory) -> None:
        given: list[str] = []
        with transaction(session_factory) as session:
            after_commit(session, lambda: given.append("committed"))
            with session.begin_nested():
                after_commit(session, lambda: given.append("with the savepoint in it"))
            assert given == []
        with pytest.raises(Abandoned):
            abandon(session_factory, lambda session: after_commit(session, lambda: given.append("rolled back")))

        assert given == ["committed", "with the savepoint in it"]


class TestSchema:
    def test_every_mapped_column_is_in_the_database(self, session: Session) -> None:
        assert ALL
        known = {
            (row.table_name, row.column_name)
            for row in session.execute(text("SELECT table_name, column_name FROM information_schema.columns"))
        }
        mapped = {(table.name, column.name) for table in Base.metadata.tables.values() for column in table.columns}

        assert mapped - known == set()

    def test_the_migrations_go_down_and_up_again(self, postgres_server: Postgres) -> None:
        from alembic import command
        from alembic.config import Config

        with postgres_server.admin() as connection:
            connection.execute("CREATE DATABASE luna_down OWNER luna_owner")
        engine = owner_engine(postgres_server.url("luna_owner", "luna_down"))
        assert migrate(engine, lambda _: None)
        assert not migrate(engine, lambda _: None)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with engine.connect() as connection_down:
            config.attributes["connection"] = connection_down
            command.downgrade(config, "base")
            connection_down.commit()
            left = connection_down.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ).scalars()
            assert list(left) == ["alembic_version"]
        assert migrate(engine, lambda _: None)
        engine.dispose()


class TestPool:
    def test_cursors_describe_columns_as_the_driver_does(self, session: Session) -> None:
        connection = session.connection().connection.driver_connection
        assert isinstance(connection, psycopg.Connection)
        for statement in ('SELECT 1 AS one, now() AS "bücher", NULL::jsonb', "SET LOCAL work_mem = 65536", "SELECT"):
            light, plain = connection.cursor(), psycopg.Cursor(connection)
            told, known = (one.execute(statement).description for one in (light, plain))  # type: ignore[arg-type]
            assert told == (known and [(one.name, one.type_code, *[None] * 5) for one in known])

    def test_connections_that_the_server_ended_are_replaced_unseen(
        self, session_factory: SessionFactory, postgres_server: Postgres
    ) -> None:
        with transaction(session_factory) as one, transaction(session_factory) as other:
            before = {session.scalar(text("SELECT pg_backend_pid()")) for session in (one, other)}
        with postgres_server.admin() as connection:
            connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s::int[]) AS pid", [list(before)])

        with transaction(session_factory) as session:
            assert session.scalar(text("SELECT pg_backend_pid()")) not in before

    def test_one_that_has_something_to_say_is_asked(self, session_factory: SessionFactory) -> None:
        with transaction(session_factory) as session:
            connection = session.connection().connection.driver_connection
            assert isinstance(connection, psycopg.Connection)
            assert is_silent(connection)
            connection.pgconn.send_query(b"SELECT 1")
            wait_until("it has answered", lambda: not is_silent(connection))
            while connection.pgconn.get_result():
                pass


class TestIsolation:
    """Two tests that would disturb each other if a test left anything behind."""

    @pytest.mark.parametrize("turn", [1, 2])
    def test_each_test_begins_with_an_empty_database(self, people: People, session: Session, turn: int) -> None:
        people.make(email="same@example.org")

        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_the_application_cannot_change_the_schema(session: Session) -> None:
    with pytest.raises(DBAPIError) as refused:
        session.execute(text("DROP TABLE users"))

    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)
