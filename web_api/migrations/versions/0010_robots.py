"""The registry of robots, the occupancy grid of floors, the status log, what robots did with their time, and figures.

Revision ID: 0010_robots
Revises: 0009_circulation
"""

from alembic import op

revision = "0010_robots"
down_revision = "0009_circulation"
branch_labels = None
depends_on = None

# A robot that was taken out keeps its name, since its row is taken up again with its lease's epoch; its namespace is
# free for others.
REGISTRY = """
ALTER TABLE robots
    DROP CONSTRAINT robots_namespace_key,
    ADD COLUMN registration_version integer NOT NULL DEFAULT 1 CHECK (registration_version > 0),
    ADD COLUMN undock boolean NOT NULL DEFAULT false,
    ADD COLUMN odometer double precision NOT NULL DEFAULT 0 CHECK (odometer >= 0),
    ADD COLUMN logged_at timestamptz;
CREATE UNIQUE INDEX robots_living_namespace_key ON robots (namespace) WHERE deleted_at IS NULL;
CREATE INDEX robots_home_idx ON robots (home_waypoint_id) WHERE deleted_at IS NULL;

ALTER TABLE maps ADD COLUMN grid bytea;
ALTER TABLE waypoints
    ADD COLUMN of_floor boolean NOT NULL DEFAULT true,
    ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version > 0);
"""

# The default partition takes what comes where nobody made the month's in time: a log must never stop a robot.
LOG = """
CREATE TABLE robot_status_logs (
    robot_id uuid NOT NULL,
    at timestamptz NOT NULL,
    kinds text[] NOT NULL CHECK (kinds <@ ARRAY['SAMPLE', 'MODE', 'FAULT', 'ESTOP', 'LINK'] AND kinds <> '{}'),
    mode text NOT NULL,
    x double precision,
    y double precision,
    yaw double precision,
    battery_level double precision CHECK (battery_level BETWEEN 0 AND 1),
    current_location text,
    delivery_id text,
    estop_id text,
    faults text[] NOT NULL DEFAULT '{}'
) PARTITION BY RANGE (at);
CREATE INDEX robot_status_logs_robot_idx ON robot_status_logs (robot_id, at);
CREATE INDEX robot_status_logs_changes_idx ON robot_status_logs (robot_id, at) WHERE kinds <> ARRAY['SAMPLE'];
CREATE TABLE robot_status_logs_default PARTITION OF robot_status_logs DEFAULT;

-- Quarters of hours, since every time zone is off UTC by some of them.
CREATE TABLE robot_usage (
    robot_id uuid NOT NULL REFERENCES robots (id),
    at timestamptz NOT NULL CHECK (extract(epoch FROM at)::bigint % 900 = 0),
    distance double precision NOT NULL DEFAULT 0 CHECK (distance >= 0),
    online_seconds double precision NOT NULL DEFAULT 0 CHECK (online_seconds >= 0),
    busy_seconds double precision NOT NULL DEFAULT 0 CHECK (busy_seconds >= 0),
    PRIMARY KEY (robot_id, at)
) WITH (fillfactor = 70);
CREATE INDEX robot_usage_at_idx ON robot_usage (at);
"""

# The application may not create or drop tables. These two do it for this one log, as the owner, within bounds.
PARTITIONS = """
CREATE FUNCTION robot_status_logs_ahead(first date, months int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  month timestamptz := date_trunc('month', first::timestamp) AT TIME ZONE 'UTC';
  following timestamptz;
  made int := 0;
  name text;
BEGIN
  IF months NOT BETWEEN 1 AND 24 THEN
    RAISE EXCEPTION 'months must be 1 to 24';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('luna.robot_status_logs'));
  FOR i IN 1..months LOOP
    following := (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    name := 'robot_status_logs_' || to_char(month AT TIME ZONE 'UTC', '"y"YYYY"m"MM');
    IF to_regclass('public.' || name) IS NULL THEN
      -- What came before its month's partition moves out of the default one, which must not overlap.
      EXECUTE format('CREATE TABLE public.%I (LIKE public.robot_status_logs INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                     name);
      EXECUTE format('WITH early AS (DELETE FROM public.robot_status_logs_default WHERE at >= %L AND at < %L'
                     ' RETURNING *) INSERT INTO public.%I SELECT * FROM early', month, following, name);
      EXECUTE format('ALTER TABLE public.robot_status_logs ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                     name, month, following);
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'luna_app') THEN
        EXECUTE format('REVOKE ALL ON public.%I FROM luna_app', name);
      END IF;
      made := made + 1;
    END IF;
    month := following;
  END LOOP;
  RETURN made;
END $$;

-- Drops the months that were over before `before`; what lies in the default partition is deleted.
CREATE FUNCTION robot_status_logs_forget(before timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  partition record;
  forgotten int := 0;
  stale int;
BEGIN
  IF before > now() - interval '1 day' THEN
    RAISE EXCEPTION 'the last day is kept';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('luna.robot_status_logs'));
  FOR partition IN
    SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.robot_status_logs'::regclass AND c.relname ~ '^robot_status_logs_y[0-9]{4}m[0-9]{2}$'
  LOOP
    IF (to_date(right(partition.name, 7), 'YYYY"m"MM')::timestamp + interval '1 month') AT TIME ZONE 'UTC' <= before
    THEN
      EXECUTE format('DROP TABLE public.%I', partition.name);
      forgotten := forgotten + 1;
    END IF;
  END LOOP;
  DELETE FROM public.robot_status_logs_default WHERE at < before;
  GET DIAGNOSTICS stale = ROW_COUNT;
  RETURN forgotten + least(stale, 1);
END $$;

REVOKE ALL ON FUNCTION robot_status_logs_ahead(date, int), robot_status_logs_forget(timestamptz) FROM PUBLIC;
SELECT robot_status_logs_ahead((now() AT TIME ZONE 'UTC')::date, 3);

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'luna_app') THEN
    GRANT EXECUTE ON FUNCTION robot_status_logs_ahead(date, int), robot_status_logs_forget(timestamptz) TO luna_app;
    REVOKE UPDATE, DELETE, TRUNCATE ON robot_status_logs FROM luna_app;
    REVOKE ALL ON robot_status_logs_default FROM luna_app;
  END IF;
END $$;
"""

# What figures of a time span are counted from; nothing else of a row is read.
FIGURES = """
CREATE INDEX delivery_tasks_ended_idx ON delivery_tasks (completed_at)
    INCLUDE (task_type, status, reason, assigned_robot_id, created_at, queued_at, started_at)
    WHERE completed_at IS NOT NULL;
"""

DOWNGRADE = """
DROP INDEX delivery_tasks_ended_idx;
DROP FUNCTION robot_status_logs_forget(timestamptz);
DROP FUNCTION robot_status_logs_ahead(date, int);
DROP TABLE robot_usage;
DROP TABLE robot_status_logs;
ALTER TABLE waypoints DROP COLUMN of_floor, DROP COLUMN version;
ALTER TABLE maps DROP COLUMN grid;
DROP INDEX robots_home_idx;
DROP INDEX robots_living_namespace_key;
ALTER TABLE robots
    DROP COLUMN registration_version, DROP COLUMN undock, DROP COLUMN odometer, DROP COLUMN logged_at,
    ADD CONSTRAINT robots_namespace_key UNIQUE (namespace);
"""


def upgrade() -> None:
    for script in (REGISTRY, LOG, PARTITIONS, FIGURES):
        op.execute(script)


def downgrade() -> None:
    op.execute(DOWNGRADE)
