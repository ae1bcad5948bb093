"""The history of a robot, and figures of all. Time is injected."""

import csv
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import insert, text

from luna_web.main import ALL, create_app
from luna_web.robot.models import RobotStatusLog, RobotUsage
from luna_web.shared.clock import FixedClock
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime, make_runtime
from tests.integration.in_process import make_client
from tests.integration.servers import Postgres
from tests.integration.web.robot.conftest import add_robot
from tests.integration.world import Api, Json, People, data, refused

# Far ahead, since sessions end after they began by the database's clock.
NOON = datetime(2099, 3, 29, 12, tzinfo=UTC)


@pytest.fixture
def luna1(session_factory: SessionFactory, settings: Settings) -> UUID:
    return add_robot(session_factory, settings, "ws://127.0.0.1:9/luna1", "t" * 43)


@pytest.fixture
def log(luna1: UUID, session_factory: SessionFactory) -> Callable[..., None]:
    """Writes so many rows, each ten seconds after the other; every hundredth is a fault."""

    def write(count: int, begin: datetime = NOON) -> None:
        rows = [
            {"robot_id": luna1, "at": begin + timedelta(seconds=10 * number), "mode": "DOCKED", "battery_level": 0.9,
             "kinds": ["SAMPLE"] if number % 100 else ["FAULT"], "faults": [] if number % 100 else ["BUMP"]}
            for number in range(count)
        ]  # fmt: skip
        with transaction(session_factory) as session:
            session.execute(insert(RobotStatusLog), rows)

    return write


def at(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def asked(api: Api, luna1: UUID, **query: Any) -> Json:
    sent = {"from": at(NOON), "to": at(NOON + timedelta(days=1))} | query
    told: Json = data(api.get(f"/robot/{luna1}/history", params=sent))
    return told


class TestHistory:
    def test_a_short_time_is_told_whole(self, luna1: UUID, log: Callable[..., None], librarian: Api) -> None:
        log(120)
        told = asked(librarian, luna1)
        assert (len(told["entries"]), told["step_seconds"]) == (120, None)
        assert told["entries"][0] == {
            "at": at(NOON), "kinds": ["FAULT"], "mode": "DOCKED", "x": None, "y": None, "yaw": None,
            "battery_level": 0.9, "current_location": None, "delivery_id": None, "estop_id": None, "faults": ["BUMP"],
        }  # fmt: skip

    def test_a_long_one_in_so_many_points_and_changes_come_before_samples(
        self, luna1: UUID, log: Callable[..., None], librarian: Api
    ) -> None:
        log(8640)
        told = asked(librarian, luna1, points=50)
        moments = [entry["at"] for entry in told["entries"]]
        assert len(moments) <= 50 and moments == sorted(moments)
        assert abs(told["step_seconds"] - 86_400 / 50) < 1
        assert all(entry["kinds"] == ["FAULT"] for entry in told["entries"])
        assert len(asked(librarian, luna1, points=2000)["entries"]) == 2000

    def test_of_one_kind_alone(self, luna1: UUID, log: Callable[..., None], librarian: Api) -> None:
        log(1000)
        faults = asked(librarian, luna1, kind="FAULT")
        assert (len(faults["entries"]), faults["step_seconds"]) == (10, None)
        few = asked(librarian, luna1, kind="FAULT", points=5)
        assert {tuple(one["kinds"]) for one in few["entries"]} == {("FAULT",)}
        samples = asked(librarian, luna1, kind="SAMPLE", points=20)
        assert {tuple(one["kinds"]) for one in samples["entries"]} == {("SAMPLE",)}
        assert asked(librarian, luna1, kind="ESTOP")["entries"] == []

    def test_what_is_asked_for_must_make_sense(self, luna1: UUID, librarian: Api, student: Api) -> None:
        path = f"/robot/{luna1}/history"
        for query in (
            {"from": at(NOON), "to": at(NOON)},
            {"from": at(NOON - timedelta(days=200)), "to": at(NOON)},
            {"from": "0001-01-01T00:00:00+14:00", "to": "0001-01-01T00:00:00Z"},
            {"from": "2099-03-29T12:00:00"},
            {"points": "0"},
            {"kind": "MOOD"},
        ):
            refused(librarian.get(path, params=query), 422, "VALIDATION_ERROR")
        refused(librarian.get(f"/robot/{uuid4()}/history"), 404, "NOT_FOUND")
        refused(student.get(path), 403, "FORBIDDEN")


ENDED = """
INSERT INTO delivery_tasks
  (id, task_type, priority, priority_rank, status, reason, request_id, return_id, item_description, source_location,
   destination_location, stops, created_by, assigned_robot_id, trace_id, created_at, queued_at, queue_key, started_at,
   completed_at)
SELECT gen_random_uuid(), type, 'NORMAL', 1, status, reason,
       CASE type WHEN 'STUDENT_DELIVERY' THEN gen_random_uuid() END,
       CASE type WHEN 'RETURN_PICKUP' THEN gen_random_uuid() END, 'a book', 'DESK-1', 'STUDY-1', '[{}, {}]',
       gen_random_uuid(), %(robot)s, 'trace', ended - interval '20 min', ended - interval '15 min',
       ended - interval '15 min', ended - interval '5 min', ended
FROM (SELECT %(type)s AS type, %(status)s AS status, %(reason)s::text AS reason,
             %(ended)s::timestamptz - number * %(every)s::interval AS ended
      FROM generate_series(0, %(count)s - 1) AS number) AS made
"""


@pytest.fixture
def ended(luna1: UUID, postgres_server: Postgres) -> Iterator[Callable[..., None]]:
    """Writes deliveries that have ended; what they were for does not matter here, so nothing checks it."""
    with postgres_server.admin("luna") as connection:
        connection.execute("SET session_replication_role = replica")

        def write(
            moment: datetime,
            status: str = "COMPLETED",
            *,
            kind: str = "STUDENT_DELIVERY",
            reason: str | None = None,
            robot: UUID | None = luna1,
            count: int = 1,
            every: timedelta = timedelta(seconds=1),
        ) -> None:
            values = {"robot": robot, "type": kind, "status": status, "reason": reason, "ended": moment}
            connection.execute(ENDED, values | {"count": count, "every": every})

        yield write


class TestAnalytics:
    @pytest.fixture
    def vienna(self, settings: Settings, runtime: Runtime) -> Iterator[Api]:
        """A library in Vienna, on the evening of the day on which clocks go forward, as a librarian sees it."""
        own = make_runtime(settings, FixedClock(NOON))
        app: FastAPI = create_app([replace(service, lifespan=None) for service in ALL], runtime=own)
        with make_client(app) as http:
            people = People(http, own)
            where = {"opening_hours": {"timezone": "Europe/Vienna"}}
            data(people.make(Role.ADMIN).api.put("/auth/settings", where))
            yield people.make(Role.LIBRARIAN).api
        own.close()

    def test_days_are_those_of_the_library(self, vienna: Api, ended: Callable[..., None]) -> None:
        first = datetime(2099, 3, 28, 23, tzinfo=UTC)  # the 29th begins
        last = datetime(2099, 3, 29, 22, tzinfo=UTC)  # the 30th begins, 23 hours later
        for moment in (first - timedelta(microseconds=1), first, last - timedelta(microseconds=1), last):
            ended(moment)
        told = data(vienna.get("/robot/analytics?from=2099-03-28&to=2099-03-30"))
        counts = {day["day"]: [one["count"] for one in day["deliveries"]] for day in told["by_day"]}
        assert counts == {"2099-03-28": [1], "2099-03-29": [2], "2099-03-30": [1]}
        assert (told["time_zone"], told["totals"]["deliveries"]) == ("Europe/Vienna", 4)
        assert data(vienna.get("/robot/analytics?from=2099-03-29&to=2099-03-29"))["totals"]["deliveries"] == 2

    def test_the_last_thirty_days_unless_asked_for_others(self, vienna: Api, ended: Callable[..., None]) -> None:
        ended(NOON)
        told = data(vienna.get("/robot/analytics"))
        assert (told["first_day"], told["last_day"], len(told["by_day"])) == ("2099-02-28", "2099-03-29", 30)

    def test_outcomes_durations_and_reasons(self, vienna: Api, ended: Callable[..., None]) -> None:
        ended(NOON, count=3)
        ended(NOON, kind="RETURN_PICKUP")
        ended(NOON, "FAILED", reason="NOT_LOADED", count=2)
        ended(NOON, "CANCELLED", reason="CANCELLED_BY_USER", robot=None)
        told = data(vienna.get("/robot/analytics"))
        assert told["totals"]["outcomes"] == {"CANCELLED": 1, "COMPLETED": 4, "FAILED": 2}
        whole, *by_type = told["durations"]
        assert (whole["task_type"], whole["count"]) == (None, 4)
        assert [whole[span]["p95"] for span in ("total", "waiting", "carried_out")] == [1200.0, 600.0, 300.0]
        assert [(one["task_type"], one["count"]) for one in by_type] == [("RETURN_PICKUP", 1), ("STUDENT_DELIVERY", 3)]
        assert told["reasons"] == [
            {"outcome": "FAILED", "reason": "NOT_LOADED", "count": 2},
            {"outcome": "CANCELLED", "reason": "CANCELLED_BY_USER", "count": 1},
        ]
        assert [(one["robot_name"], one["completed"]) for one in told["robots"]] == [("luna1", 4)]

    def test_distance_and_utilisation_and_one_robot_alone(
        self, vienna: Api, luna1: UUID, ended: Callable[..., None], session_factory: SessionFactory, settings: Settings
    ) -> None:
        luna2 = add_robot(session_factory, settings, "ws://127.0.0.1:9/luna2", "t" * 43, "luna2")
        ended(NOON)
        ended(NOON, robot=luna2)
        quarters = [
            {"robot_id": robot, "at": NOON + timedelta(minutes=15 * number), "distance": metres,
             "online_seconds": 900.0, "busy_seconds": busy}
            for robot, number, metres, busy in ((luna1, 0, 10.0, 300.0), (luna1, 1, 2.5, 0.0), (luna2, 0, 1.0, 900.0))
        ]  # fmt: skip
        with transaction(session_factory) as session:
            session.execute(insert(RobotUsage), quarters)
        told = data(vienna.get("/robot/analytics"))
        assert told["by_day"][-1]["usage"] == {
            "distance": 13.5, "online_seconds": 2700.0, "busy_seconds": 1200.0, "utilisation": 0.4444,
        }  # fmt: skip
        driven = {one["robot_name"]: one["usage"]["distance"] for one in told["robots"]}
        assert driven == {"luna1": 12.5, "luna2": 1.0}
        alone = data(vienna.get(f"/robot/analytics?robot_id={luna2}"))
        assert (alone["totals"]["deliveries"], alone["totals"]["usage"]["utilisation"]) == (1, 1.0)

    def test_the_same_as_csv_without_formulas(self, vienna: Api, ended: Callable[..., None]) -> None:
        ended(NOON, "FAILED", reason="=1+1")
        answer = vienna.get("/robot/analytics?format=csv&from=2099-03-29&to=2099-03-29")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
        counted = [line for line in lines if line["table"] == "deliveries"]
        assert [(line["day"], line["outcome"], line["value"]) for line in counted] == [("2099-03-29", "FAILED", "1")]
        assert [line["reason"] for line in lines if line["table"] == "reasons"] == ["'=1+1"]

    @pytest.mark.parametrize(
        "query", ["from=2099-03-30&to=2099-03-29", "from=2020-01-01&to=2026-01-01", "from=0001-01-01", "to=9999-12-31"]
    )
    def test_days_must_make_sense(self, librarian: Api, query: str) -> None:
        refused(librarian.get(f"/robot/analytics?{query}"), 422, "VALIDATION_ERROR")

    def test_an_unknown_robot_is_404(self, librarian: Api) -> None:
        refused(librarian.get(f"/robot/analytics?robot_id={uuid4()}"), 404, "NOT_FOUND")

    def test_a_hundred_thousand_deliveries_are_counted_from_an_index(
        self, vienna: Api, ended: Callable[..., None], session_factory: SessionFactory, postgres_server: Postgres
    ) -> None:
        ended(NOON, count=90_000, every=timedelta(minutes=5))
        ended(NOON, "FAILED", reason="NOT_LOADED", count=10_000, every=timedelta(minutes=45))
        with postgres_server.admin("luna") as connection:
            connection.execute("VACUUM ANALYZE delivery_tasks")
        begun = time.monotonic()
        told = data(vienna.get("/robot/analytics?from=2097-04-01&to=2099-03-29"))
        print(f"analytics over {told['totals']['deliveries']} of 100,000: {time.monotonic() - begun:.3f} s")
        assert told["totals"]["deliveries"] > 90_000
        month = (
            "EXPLAIN SELECT task_type, status, count(*) FROM delivery_tasks"
            " WHERE completed_at >= '2099-03-01' AND completed_at < '2099-04-01' GROUP BY 1, 2"
        )
        with transaction(session_factory) as session:
            plan = "\n".join(session.execute(text(month)).scalars())
        assert "delivery_tasks_ended_idx" in plan and "Seq Scan" not in plan
