"""Robots, their leases, maps and waypoints.

Revision ID: 0002_robots
Revises: 0001_foundation
"""

from alembic import op

revision = "0002_robots"
down_revision = "0001_foundation"
branch_labels = None
depends_on = None

UPGRADE = r"""
CREATE TABLE maps (
    id uuid PRIMARY KEY,
    map_id text NOT NULL UNIQUE CHECK (map_id ~ '^[a-z][a-z0-9_-]{0,63}$'),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 120),
    waypoints_version integer NOT NULL CHECK (waypoints_version >= 1),
    resolution double precision NOT NULL CHECK (resolution > 0 AND resolution <= 10),
    width integer NOT NULL CHECK (width BETWEEN 1 AND 20000),
    height integer NOT NULL CHECK (height BETWEEN 1 AND 20000),
    origin_x double precision NOT NULL,
    origin_y double precision NOT NULL,
    origin_yaw double precision NOT NULL,
    image bytea NOT NULL,
    checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE waypoints (
    id uuid PRIMARY KEY,
    map_id uuid NOT NULL REFERENCES maps (id),
    location_code text NOT NULL CHECK (location_code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 120),
    kind text NOT NULL CHECK (kind IN ('DESK', 'STUDY', 'SHELF', 'RETURN', 'DOCK', 'OTHER')),
    x double precision NOT NULL CHECK (abs(x) < 100000),
    y double precision NOT NULL CHECK (abs(y) < 100000),
    z double precision NOT NULL DEFAULT 0 CHECK (abs(z) < 1000),
    yaw double precision NOT NULL CHECK (abs(yaw) <= 6.2832),
    metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    is_active boolean NOT NULL DEFAULT true,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX waypoints_living_code_key ON waypoints (lower(location_code)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX waypoints_living_name_key ON waypoints (map_id, lower(name)) WHERE deleted_at IS NULL;
CREATE INDEX waypoints_map_kind_idx ON waypoints (map_id, kind) WHERE deleted_at IS NULL;

CREATE TABLE robots (
    id uuid PRIMARY KEY,
    robot_name text NOT NULL UNIQUE CHECK (robot_name ~ '^[a-z][a-z0-9_]{0,31}$'),
    namespace text NOT NULL UNIQUE CHECK (namespace ~ '^(/[A-Za-z][A-Za-z0-9_]*)+$'),
    bridge_url text NOT NULL CHECK (bridge_url ~ '^wss?://\S+$'),
    token_encrypted bytea NOT NULL,
    home_waypoint_id uuid REFERENCES waypoints (id),
    limits jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(limits) = 'object'),
    version bigint NOT NULL DEFAULT 1,
    deleted_at timestamptz,

    stop_state text NOT NULL DEFAULT 'NONE' CHECK (stop_state IN ('NONE', 'ENGAGE', 'RELEASE')),
    stop_id text CHECK (char_length(stop_id) BETWEEN 1 AND 64),
    stop_reason text CHECK (char_length(stop_reason) <= 512),
    stop_by text CHECK (char_length(stop_by) <= 512),
    stop_since timestamptz,
    wish_at timestamptz,
    CHECK ((stop_state = 'NONE') = (stop_id IS NULL)),
    resume_id text CHECK (char_length(resume_id) BETWEEN 1 AND 64),
    resume_by text,
    CHECK (stop_state <> 'ENGAGE' OR resume_id IS NULL),
    paused boolean NOT NULL DEFAULT false,
    maintenance boolean NOT NULL DEFAULT false,
    settings_by text,
    send_home boolean NOT NULL DEFAULT false,

    goal_task_id uuid,
    goal_attempt integer CHECK (goal_attempt >= 1),
    goal_journal_id text,
    CHECK (num_nulls(goal_task_id, goal_attempt, goal_journal_id) IN (0, 3)),

    status text NOT NULL DEFAULT 'ERROR' CHECK (status IN ('IDLE', 'BUSY', 'NAVIGATING', 'ERROR', 'MAINTENANCE')),
    mode text NOT NULL DEFAULT 'OFFLINE' CHECK (mode IN (
        'STARTING', 'ESTOPPED', 'RECOVERY', 'ERROR', 'MAINTENANCE', 'SUSPENDED', 'PAUSED', 'WAITING_LOAD',
        'WAITING_UNLOAD', 'NAVIGATING', 'CLEARING', 'CHARGING', 'DOCKED', 'IDLE', 'OFFLINE')),
    current_location text,
    x double precision,
    y double precision,
    yaw double precision,
    battery_level double precision CHECK (battery_level BETWEEN 0 AND 1),
    boot_id text,
    journal_id text,
    journal_seq bigint CHECK (journal_seq >= 0),
    observed jsonb,
    last_heartbeat timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);  -- its row changes every few seconds; room keeps those updates inside the page

CREATE TABLE robot_leases (
    robot_id uuid PRIMARY KEY REFERENCES robots (id) ON DELETE CASCADE,
    holder uuid,
    epoch bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    expires_at timestamptz NOT NULL DEFAULT 'epoch'
) WITH (fillfactor = 70);

CREATE TRIGGER maps_touch BEFORE UPDATE ON maps FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER waypoints_touch BEFORE UPDATE ON waypoints FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER robots_touch BEFORE UPDATE ON robots FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
"""

DOWNGRADE = """
DROP TABLE robot_leases;
DROP TABLE robots;
DROP TABLE waypoints;
DROP TABLE maps;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
