"""Since when a robot is heard, and when staff were told of its silence: one that comes and goes is told of once.

Revision ID: 0013_steadiness
Revises: 0012_retention
"""

from alembic import op

revision = "0013_steadiness"
down_revision = "0012_retention"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE robots ADD COLUMN heard_since timestamptz, ADD COLUMN silence_told_at timestamptz")
    op.execute("UPDATE robots SET heard_since = last_heartbeat")
    op.execute("UPDATE robots SET silence_told_at = heard_since WHERE mode = 'OFFLINE'")


def downgrade() -> None:
    op.execute("ALTER TABLE robots DROP COLUMN heard_since, DROP COLUMN silence_told_at")
