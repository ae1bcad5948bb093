"""A library that is upgraded: what happened before anybody could be told is not told now, and nothing is lost."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from luna_web.shared.migrate import MIGRATIONS, migrate, owner_engine
from tests.integration.servers import Postgres

THEN = "0011_notifications"
EVENT = """
INSERT INTO outbox (event_id, event_type, source, aggregate, aggregate_seq, payload, trace_id, published_at)
VALUES (gen_random_uuid(), :type, 'test', :aggregate, :seq, '{}', 't', CASE WHEN :told THEN now() END)
"""


@pytest.fixture
def engine(postgres_server: Postgres) -> Iterator[Engine]:
    with postgres_server.admin() as admin:
        admin.execute("CREATE DATABASE luna_before OWNER luna_owner")
        engine = owner_engine(postgres_server.url("luna_owner", "luna_before"))
        migrate(engine, lambda _: None)
        try:
            yield engine
        finally:
            engine.dispose()
            admin.execute("DROP DATABASE luna_before WITH (FORCE)")


def test_what_was_told_before_is_not_told_again_and_what_was_not_is(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    events = [
        ("delivery.request.created", "request:1", 1, True),
        ("delivery.request.approved", "request:1", 2, False),
        ("robot.estop.engaged", "robot:1", 4, True),
        ("robot.estop.engaged", "robot:2", 9, False),
    ]
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, str(ScriptDirectory.from_config(config).get_revision(THEN).down_revision))
        for type_, aggregate, seq, told in events:
            values = {"type": type_, "aggregate": aggregate, "seq": seq, "told": told}
            connection.execute(text(EVENT), values)
        command.upgrade(config, THEN)
        connection.commit()
        rows = connection.execute(text("SELECT consumer, aggregate, last_seq FROM consumer_offsets"))
        assert {tuple(row) for row in rows} == {
            ("notification.email", "request:1", 1),
            ("notification.push", "request:1", 1),
            ("notification.in_app", "robot:1", 4),
            ("notification.email", "robot:1", 4),
            ("notification.push", "robot:1", 4),
        }
