"""Deliveries between staff, what people settle, and how long a robot has waited for somebody.

Revision ID: 0008_tasks
Revises: 0007_mails
"""

from alembic import op

revision = "0008_tasks"
down_revision = "0007_mails"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE delivery_tasks
    DROP CONSTRAINT delivery_tasks_task_type_check,
    DROP CONSTRAINT delivery_tasks_purpose,
    ADD COLUMN notes text CHECK (length(notes) <= 1000),
    ADD COLUMN copy_status_before text,
    ADD COLUMN copy_reason_before text,
    ADD COLUMN recovery_asked jsonb,
    ADD COLUMN recovery_seen_at double precision,
    ADD COLUMN settlement jsonb,
    ADD COLUMN offered_at timestamptz,
    ADD COLUMN waits_since timestamptz,
    ADD COLUMN wait_looked_at timestamptz,
    ADD COLUMN alerts integer NOT NULL DEFAULT 0 CHECK (alerts >= 0),
    ADD CONSTRAINT delivery_tasks_task_type_check
        CHECK (task_type IN ('STUDENT_DELIVERY', 'RETURN_PICKUP', 'INTER_STAFF', 'WORKSTATION', 'TRANSFER')),
    ADD CONSTRAINT delivery_tasks_purpose CHECK (
        CASE task_type WHEN 'STUDENT_DELIVERY' THEN request_id IS NOT NULL AND return_id IS NULL
                       WHEN 'RETURN_PICKUP' THEN return_id IS NOT NULL AND request_id IS NULL
                       ELSE request_id IS NULL AND return_id IS NULL
                            AND (copy_id IS NULL) = (copy_status_before IS NULL)
                       END),
    ADD CONSTRAINT delivery_tasks_copy_before
        CHECK ((copy_reason_before IS NOT NULL) = (copy_status_before IS NOT DISTINCT FROM 'UNAVAILABLE')),
    ADD CONSTRAINT delivery_tasks_settled_at_robot
        CHECK (settlement IS NULL OR (assigned_robot_id IS NOT NULL AND completed_at IS NOT NULL));
CREATE UNIQUE INDEX delivery_tasks_one_retry ON delivery_tasks (retry_of);
CREATE INDEX delivery_tasks_to_settle ON delivery_tasks (assigned_robot_id) WHERE settlement IS NOT NULL;
CREATE INDEX delivery_tasks_waiting ON delivery_tasks (waits_since) WHERE waits_since IS NOT NULL;
"""
DOWNGRADE = """
DROP INDEX delivery_tasks_one_retry, delivery_tasks_to_settle, delivery_tasks_waiting;
ALTER TABLE delivery_tasks
    DROP CONSTRAINT delivery_tasks_settled_at_robot,
    DROP CONSTRAINT delivery_tasks_copy_before,
    DROP CONSTRAINT delivery_tasks_purpose,
    DROP CONSTRAINT delivery_tasks_task_type_check,
    DROP COLUMN notes, DROP COLUMN copy_status_before, DROP COLUMN copy_reason_before, DROP COLUMN recovery_asked,
    DROP COLUMN recovery_seen_at, DROP COLUMN settlement, DROP COLUMN offered_at, DROP COLUMN waits_since,
    DROP COLUMN wait_looked_at, DROP COLUMN alerts,
    ADD CONSTRAINT delivery_tasks_task_type_check CHECK (task_type IN ('STUDENT_DELIVERY', 'RETURN_PICKUP')),
    ADD CONSTRAINT delivery_tasks_purpose CHECK (
        CASE task_type WHEN 'STUDENT_DELIVERY' THEN request_id IS NOT NULL AND return_id IS NULL
                       WHEN 'RETURN_PICKUP' THEN return_id IS NOT NULL AND request_id IS NULL
                       END);
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
