"""Who asked for a mailed link, and by what the positions of finished mails are found.

Revision ID: 0007_mails
Revises: 0006_imports
"""

from alembic import op

revision = "0007_mails"
down_revision = "0006_imports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("password_resets", "email_verifications"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN by_owner boolean NOT NULL DEFAULT false")
    op.execute("CREATE INDEX consumer_offsets_mails_idx ON consumer_offsets (updated_at) WHERE aggregate LIKE 'mail:%'")


def downgrade() -> None:
    op.execute("DROP INDEX consumer_offsets_mails_idx")
    for table in ("password_resets", "email_verifications"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN by_owner")
