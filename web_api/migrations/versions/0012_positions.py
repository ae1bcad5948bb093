"""By what the positions of finished aggregates are found, whatever they are of.

Revision ID: 0012_positions
Revises: 0011_notifications
"""

from alembic import op

revision = "0012_positions"
down_revision = "0011_notifications"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX consumer_offsets_by_time ON consumer_offsets (updated_at)")
    op.execute("DROP INDEX consumer_offsets_mails_idx")


def downgrade() -> None:
    op.execute("CREATE INDEX consumer_offsets_mails_idx ON consumer_offsets (updated_at) WHERE aggregate LIKE 'mail:%'")
    op.execute("DROP INDEX consumer_offsets_by_time")
