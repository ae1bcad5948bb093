"""Requests, returns, loans, delivery tasks with their history, notifications, and what consumers still have to drain.

Revision ID: 0003_deliveries
Revises: 0002_robots
"""

from alembic import op

revision = "0003_deliveries"
down_revision = "0002_robots"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE book_requests (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    book_id uuid NOT NULL REFERENCES books (id),
    copy_id uuid NOT NULL REFERENCES copies (id),
    book_title text NOT NULL,
    book_author text,
    request_location text NOT NULL,
    waypoint_id uuid NOT NULL REFERENCES waypoints (id),
    priority text NOT NULL CHECK (priority IN ('LOW', 'NORMAL', 'HIGH', 'URGENT')),
    status text NOT NULL CHECK (status IN ('PENDING', 'APPROVED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED')),
    closed_reason text,
    needs_attention boolean NOT NULL DEFAULT false,
    notes text CHECK (length(notes) <= 1000),
    requested_at timestamptz NOT NULL,
    approved_by uuid REFERENCES users (id),
    approved_at timestamptz,
    completed_at timestamptz,
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT book_requests_approved CHECK ((approved_at IS NULL) = (approved_by IS NULL)),
    CONSTRAINT book_requests_accepted
        CHECK (status NOT IN ('APPROVED', 'IN_PROGRESS', 'COMPLETED') OR approved_at IS NOT NULL),
    CONSTRAINT book_requests_ended CHECK ((status IN ('COMPLETED', 'CANCELLED')) = (completed_at IS NOT NULL))
);
CREATE UNIQUE INDEX book_requests_one_open_per_user_and_book ON book_requests (user_id, book_id)
    WHERE status IN ('PENDING', 'APPROVED', 'IN_PROGRESS');
CREATE UNIQUE INDEX book_requests_one_open_per_copy ON book_requests (copy_id)
    WHERE status IN ('PENDING', 'APPROVED', 'IN_PROGRESS');
CREATE INDEX book_requests_of_user ON book_requests (user_id, requested_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX book_requests_by_status ON book_requests (status, requested_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX book_requests_by_time ON book_requests (requested_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX book_requests_of_book ON book_requests (book_id);

CREATE TABLE loans (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    copy_id uuid NOT NULL REFERENCES copies (id),
    book_id uuid NOT NULL REFERENCES books (id),
    book_title text NOT NULL,
    book_author text,
    request_id uuid REFERENCES book_requests (id),
    opened_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    renewals integer NOT NULL DEFAULT 0 CHECK (renewals >= 0),
    closed_at timestamptz,
    flagged boolean NOT NULL DEFAULT false,
    opened_how text NOT NULL CHECK (opened_how IN ('DELIVERY', 'COLLECTED_LATE')),
    closed_how text CHECK (closed_how IN ('RETURN')),
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT loans_due CHECK (due_at > opened_at),
    CONSTRAINT loans_closed CHECK ((closed_at IS NULL) = (closed_how IS NULL) AND closed_at >= opened_at)
);
CREATE UNIQUE INDEX loans_one_open_per_copy ON loans (copy_id) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX loans_one_per_request ON loans (request_id);
CREATE INDEX loans_of_user ON loans (user_id, opened_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX loans_open_of_user ON loans (user_id, book_id) WHERE closed_at IS NULL;
CREATE INDEX loans_by_time ON loans (opened_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX loans_due ON loans (due_at, id) WHERE closed_at IS NULL;

CREATE TABLE book_returns (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    book_id uuid NOT NULL REFERENCES books (id),
    loan_id uuid NOT NULL REFERENCES loans (id),
    copy_id uuid NOT NULL REFERENCES copies (id),
    book_title text NOT NULL,
    book_author text,
    pickup_location text NOT NULL,
    waypoint_id uuid NOT NULL REFERENCES waypoints (id),
    status text NOT NULL CHECK (status IN ('PENDING', 'PICKUP_SCHEDULED', 'PICKED_UP', 'COMPLETED', 'CANCELLED')),
    closed_reason text,
    notes text CHECK (length(notes) <= 1000),
    initiated_at timestamptz NOT NULL,
    picked_up_at timestamptz,
    completed_at timestamptz,
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT book_returns_picked_up CHECK (status NOT IN ('PICKED_UP', 'COMPLETED') OR picked_up_at IS NOT NULL),
    CONSTRAINT book_returns_ended CHECK ((status IN ('COMPLETED', 'CANCELLED')) = (completed_at IS NOT NULL))
);
CREATE UNIQUE INDEX book_returns_one_open_per_loan ON book_returns (loan_id)
    WHERE status IN ('PENDING', 'PICKUP_SCHEDULED', 'PICKED_UP');
CREATE UNIQUE INDEX book_returns_one_open_per_copy ON book_returns (copy_id)
    WHERE status IN ('PENDING', 'PICKUP_SCHEDULED', 'PICKED_UP');
CREATE INDEX book_returns_of_user ON book_returns (user_id, initiated_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX book_returns_by_status ON book_returns (status, initiated_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX book_returns_by_time ON book_returns (initiated_at DESC NULLS LAST, id DESC NULLS LAST);

CREATE TABLE delivery_tasks (
    id uuid PRIMARY KEY,
    task_type text NOT NULL CHECK (task_type IN ('STUDENT_DELIVERY', 'RETURN_PICKUP')),
    priority text NOT NULL CHECK (priority IN ('LOW', 'NORMAL', 'HIGH', 'URGENT')),
    priority_rank smallint NOT NULL,
    queued_at timestamptz,
    queue_key timestamptz,
    not_before timestamptz,
    status text NOT NULL
        CHECK (status IN ('PENDING', 'QUEUED', 'ASSIGNED', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED')),
    phase text
        CHECK (phase IN ('TO_PICKUP', 'AWAITING_LOAD', 'CLEARING', 'TO_DROPOFF', 'AWAITING_UNLOAD', 'TO_FALLBACK',
                         'AWAITING_FALLBACK_UNLOAD', 'AWAITING_RECOVERY')),
    reason text,
    request_id uuid REFERENCES book_requests (id),
    return_id uuid REFERENCES book_returns (id),
    book_id uuid REFERENCES books (id),
    copy_id uuid REFERENCES copies (id),
    item_description text NOT NULL,
    source_location text,
    destination_location text NOT NULL,
    stops jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(stops) = 'array' AND jsonb_array_length(stops) <= 8),
    fallback jsonb,
    recipient_id uuid REFERENCES users (id),
    created_by uuid NOT NULL REFERENCES users (id),
    assigned_robot_id uuid REFERENCES robots (id),
    attempt integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
    not_loaded integer NOT NULL DEFAULT 0 CHECK (not_loaded >= 0),
    unreached integer NOT NULL DEFAULT 0 CHECK (unreached >= 0),
    retry_of uuid REFERENCES delivery_tasks (id),
    said jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(said) = 'array'),
    cancel_asked jsonb,
    handover_seq integer NOT NULL DEFAULT 0 CHECK (handover_seq >= 0),
    loaded_at timestamptz,
    observed_journal_id text,
    observed_journal_seq bigint,
    robot_lost_since timestamptz,
    trace_id text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz,
    completed_at timestamptz,
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT delivery_tasks_rank
        CHECK (priority_rank = array_position(ARRAY['LOW', 'NORMAL', 'HIGH', 'URGENT'], priority) - 1),
    CONSTRAINT delivery_tasks_phase CHECK ((phase IS NOT NULL) = (status = 'IN_PROGRESS')),
    CONSTRAINT delivery_tasks_queued CHECK (status <> 'QUEUED' OR (queue_key IS NOT NULL AND queued_at IS NOT NULL)),
    CONSTRAINT delivery_tasks_planned
        CHECK (status IN ('PENDING', 'CANCELLED') OR (source_location IS NOT NULL AND jsonb_array_length(stops) >= 2)),
    CONSTRAINT delivery_tasks_robot CHECK (
        CASE WHEN status IN ('ASSIGNED', 'IN_PROGRESS') THEN assigned_robot_id IS NOT NULL
             WHEN status IN ('PENDING', 'QUEUED') THEN assigned_robot_id IS NULL
             ELSE true END),
    CONSTRAINT delivery_tasks_ended
        CHECK ((status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (completed_at IS NOT NULL)),
    CONSTRAINT delivery_tasks_purpose CHECK (
        CASE task_type WHEN 'STUDENT_DELIVERY' THEN request_id IS NOT NULL AND return_id IS NULL
                       WHEN 'RETURN_PICKUP' THEN return_id IS NOT NULL AND request_id IS NULL
                       END)
);
CREATE UNIQUE INDEX delivery_tasks_one_unfinished_per_copy ON delivery_tasks (copy_id)
    WHERE status IN ('PENDING', 'QUEUED', 'ASSIGNED', 'IN_PROGRESS');
CREATE UNIQUE INDEX delivery_tasks_one_in_hand_per_robot ON delivery_tasks (assigned_robot_id)
    WHERE status IN ('ASSIGNED', 'IN_PROGRESS');
CREATE INDEX delivery_tasks_queue ON delivery_tasks (queue_key, id) WHERE status = 'QUEUED';
CREATE INDEX delivery_tasks_by_status ON delivery_tasks (status, queue_key, id);
CREATE INDEX delivery_tasks_by_time ON delivery_tasks (created_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX delivery_tasks_by_priority ON delivery_tasks (priority_rank DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX delivery_tasks_of_robot ON delivery_tasks (assigned_robot_id, created_at DESC);
CREATE INDEX delivery_tasks_of_request ON delivery_tasks (request_id, created_at DESC) WHERE request_id IS NOT NULL;
CREATE INDEX delivery_tasks_of_return ON delivery_tasks (return_id, created_at DESC) WHERE return_id IS NOT NULL;

CREATE TABLE task_status_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES delivery_tasks (id),
    subject text NOT NULL CHECK (subject IN ('TASK', 'REQUEST', 'RETURN')),
    at timestamptz NOT NULL,
    from_status text,
    from_phase text,
    to_status text NOT NULL,
    phase text,
    attempt integer NOT NULL,
    robot_id uuid REFERENCES robots (id),
    actor_id uuid REFERENCES users (id),
    reason text,
    trace_id text NOT NULL
);
CREATE INDEX task_status_history_of_task ON task_status_history (task_id, id);

CREATE TABLE notifications (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    event_id uuid NOT NULL,
    notification_type text NOT NULL
        CHECK (notification_type IN ('DELIVERY_UPDATE', 'REQUEST_STATUS', 'RETURN_STATUS', 'ROBOT_ALERT',
                                     'SYSTEM_ALERT', 'LOAN_DUE')),
    title text NOT NULL,
    message text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    is_read boolean NOT NULL DEFAULT false,
    read_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notifications_once UNIQUE (event_id, user_id),
    CONSTRAINT notifications_read CHECK (is_read = (read_at IS NOT NULL))
);
CREATE INDEX notifications_of_user ON notifications (user_id, created_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX notifications_unread ON notifications (user_id, created_at DESC) WHERE NOT is_read;

CREATE TABLE drains_due (
    consumer text NOT NULL,
    aggregate text NOT NULL,
    sends integer NOT NULL DEFAULT 0 CHECK (sends >= 0),
    failing boolean NOT NULL DEFAULT false,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, aggregate)
);
CREATE INDEX drains_due_next ON drains_due (due_at);
"""

HISTORY_IS_APPEND_ONLY = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'luna_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON task_status_history FROM luna_app;
    END IF;
END $$
"""
TOUCHED = ("book_requests", "loans", "book_returns", "delivery_tasks")


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(HISTORY_IS_APPEND_ONLY)
    for table in TOUCHED:
        op.execute(
            f"CREATE TRIGGER {table}_touch BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch_updated_at()"
        )


def downgrade() -> None:
    op.execute(
        "DROP TABLE drains_due, notifications, task_status_history, delivery_tasks, book_returns, loans, book_requests"
    )
