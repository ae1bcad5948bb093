"""Mailed tokens, accounts that wait for verification, and indexes for the lists of administrators.

Revision ID: 0004_accounts
Revises: 0003_deliveries
"""

from alembic import op

revision = "0004_accounts"
down_revision = "0003_deliveries"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE users ADD COLUMN awaits_verification boolean NOT NULL DEFAULT false;
ALTER TABLE users ADD CONSTRAINT users_verified_or_waiting
  CHECK (NOT (awaits_verification AND email_verified_at IS NOT NULL));

CREATE TABLE password_resets (
  id          uuid PRIMARY KEY,
  user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  token_hash  bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz,
  CHECK (expires_at > created_at)
);
CREATE INDEX password_resets_user_id_idx ON password_resets (user_id, created_at);
CREATE INDEX password_resets_expires_at_idx ON password_resets (expires_at);

CREATE TABLE email_verifications (
  id            uuid PRIMARY KEY,
  user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  token_hash    bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  registration  text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL,
  used_at       timestamptz,
  CHECK (expires_at > created_at)
);
CREATE INDEX email_verifications_user_id_idx ON email_verifications (user_id, created_at);
CREATE INDEX email_verifications_expires_at_idx ON email_verifications (expires_at);

ALTER TABLE sessions DROP CONSTRAINT sessions_revoked_why_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_revoked_why_check
  CHECK (revoked_why IN ('LOGOUT', 'REUSED', 'PASSWORD', 'ROLE', 'DISABLED', 'ADMIN', 'SUPERSEDED'));

CREATE INDEX users_search_idx ON users
  USING gin (lower(email || ' ' || first_name || ' ' || last_name) gin_trgm_ops);
CREATE INDEX users_created_at_idx ON users (created_at, id);
CREATE INDEX users_active_admins_idx ON users (id) WHERE role = 'ADMIN' AND is_active;
CREATE INDEX audit_logs_action_idx ON audit_logs (action, at DESC);
CREATE INDEX audit_logs_trace_id_idx ON audit_logs (trace_id);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "DROP INDEX audit_logs_trace_id_idx, audit_logs_action_idx, users_active_admins_idx, users_created_at_idx,"
        " users_search_idx"
    )
    op.execute("UPDATE sessions SET revoked_why = 'LOGOUT' WHERE revoked_why = 'SUPERSEDED'")
    op.execute("ALTER TABLE sessions DROP CONSTRAINT sessions_revoked_why_check")
    op.execute(
        "ALTER TABLE sessions ADD CONSTRAINT sessions_revoked_why_check"
        " CHECK (revoked_why IN ('LOGOUT', 'REUSED', 'PASSWORD', 'ROLE', 'DISABLED', 'ADMIN'))"
    )
    op.execute("DROP TABLE email_verifications, password_resets")
    op.execute("ALTER TABLE users DROP COLUMN awaits_verification")
