"""Notifications by email and Web Push: preferences, subscriptions, what is to be sent; dead letters that are replayed.

Revision ID: 0011_notifications
Revises: 0010_robots
"""

from alembic import op

revision = "0011_notifications"
down_revision = "0010_robots"
branch_labels = None
depends_on = None

TYPES = "'DELIVERY_UPDATE', 'REQUEST_STATUS', 'RETURN_STATUS', 'ROBOT_ALERT', 'SYSTEM_ALERT', 'LOAN_DUE'"

# A notification that somebody deleted stays as an empty row: its event must not bring it back.
NOTIFICATIONS = """
ALTER TABLE notifications
    ADD COLUMN deleted_at timestamptz,
    ADD CONSTRAINT notifications_deleted CHECK (deleted_at IS NULL OR (title = '' AND message = '' AND payload = '{}'));
DROP INDEX notifications_of_user;
DROP INDEX notifications_unread;
CREATE INDEX notifications_of_user ON notifications (user_id, created_at DESC NULLS LAST, id DESC NULLS LAST)
    WHERE deleted_at IS NULL;
CREATE INDEX notifications_unread ON notifications (user_id, created_at DESC) WHERE NOT is_read AND deleted_at IS NULL;
"""

PREFERENCES = f"""
CREATE TABLE notification_preferences (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    notification_type text NOT NULL CHECK (notification_type IN ({TYPES})),
    in_app boolean NOT NULL,
    email boolean NOT NULL,
    push boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, notification_type)
);
CREATE TRIGGER notification_preferences_touch BEFORE UPDATE ON notification_preferences
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
"""

# A subscription belongs to the login that made it: who logs out on a shared machine is not told there any more.
SUBSCRIPTIONS = """
CREATE TABLE push_subscriptions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    endpoint text NOT NULL CHECK (length(endpoint) BETWEEN 1 AND 2000),
    endpoint_hash bytea NOT NULL UNIQUE CHECK (length(endpoint_hash) = 32),
    p256dh bytea NOT NULL CHECK (length(p256dh) = 65),
    auth bytea NOT NULL CHECK (length(auth) = 16),
    server_key text NOT NULL,
    device text,
    expires_at timestamptz,
    last_success_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX push_subscriptions_of_user ON push_subscriptions (user_id, created_at DESC);
CREATE INDEX push_subscriptions_of_session ON push_subscriptions (session_id);
CREATE TRIGGER push_subscriptions_touch BEFORE UPDATE ON push_subscriptions
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
"""

DELIVERIES = f"""
CREATE TABLE notification_deliveries (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    channel text NOT NULL CHECK (channel IN ('EMAIL', 'PUSH')),
    subscription_id uuid,
    notification_type text NOT NULL CHECK (notification_type IN ({TYPES})),
    title text NOT NULL,
    message text NOT NULL,
    topic text NOT NULL,
    state text NOT NULL DEFAULT 'WAITING' CHECK (state IN ('WAITING', 'SENT', 'FAILED', 'DROPPED')),
    reason text CHECK (length(reason) BETWEEN 1 AND 500),
    attempts int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    trace_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT notification_deliveries_once UNIQUE NULLS NOT DISTINCT (event_id, user_id, channel, subscription_id),
    CONSTRAINT notification_deliveries_target CHECK ((channel = 'PUSH') = (subscription_id IS NOT NULL)),
    CONSTRAINT notification_deliveries_ended CHECK ((state = 'WAITING') = (ended_at IS NULL))
);
CREATE INDEX notification_deliveries_due ON notification_deliveries (channel, due_at) WHERE state = 'WAITING';
CREATE INDEX notification_deliveries_by_time ON notification_deliveries (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX notification_deliveries_of_user ON notification_deliveries (user_id);
"""

DEAD_LETTERS = """
ALTER TABLE dead_letters ADD COLUMN replay_asked_at timestamptz;
CREATE INDEX dead_letters_waiting ON dead_letters (created_at, id) WHERE replayed_at IS NULL;
CREATE INDEX dead_letters_asked ON dead_letters (consumer, aggregate, aggregate_seq)
    WHERE replay_asked_at IS NOT NULL AND replayed_at IS NULL;
"""

# What happened before there was anybody to tell it is not told now. In-app notifications of deliveries there were.
FROM_NOW_ON = """
INSERT INTO consumer_offsets (consumer, aggregate, last_seq)
SELECT consumer, aggregate, max(aggregate_seq)
  FROM outbox, unnest(ARRAY['notification.in_app', 'notification.email', 'notification.push']) AS consumer
 WHERE published_at IS NOT NULL AND (consumer <> 'notification.in_app' OR NOT starts_with(event_type, 'delivery.'))
 GROUP BY consumer, aggregate
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    for script in (NOTIFICATIONS, PREFERENCES, SUBSCRIPTIONS, DELIVERIES, DEAD_LETTERS, FROM_NOW_ON):
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    op.execute("DELETE FROM consumer_offsets WHERE consumer IN ('notification.email', 'notification.push')")
    op.execute("DROP INDEX dead_letters_asked")
    op.execute("DROP INDEX dead_letters_waiting")
    op.execute("ALTER TABLE dead_letters DROP COLUMN replay_asked_at")
    for table in ("notification_deliveries", "push_subscriptions", "notification_preferences"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DELETE FROM notifications WHERE deleted_at IS NOT NULL")
    op.execute("DROP INDEX notifications_unread")
    op.execute("DROP INDEX notifications_of_user")
    op.execute("ALTER TABLE notifications DROP COLUMN deleted_at")
    op.execute(
        "CREATE INDEX notifications_of_user ON notifications (user_id, created_at DESC NULLS LAST, id DESC NULLS LAST)"
    )
    op.execute("CREATE INDEX notifications_unread ON notifications (user_id, created_at DESC) WHERE NOT is_read")
