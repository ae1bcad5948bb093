"""What retention needs: positions by their age, and months of the audit trail made ahead and dropped.

Revision ID: 0012_retention
Revises: 0011_notifications
"""

from alembic import op

revision = "0012_retention"
down_revision = "0011_notifications"
branch_labels = None
depends_on = None

POSITIONS = """
CREATE INDEX consumer_offsets_by_time ON consumer_offsets (updated_at);
DROP INDEX consumer_offsets_mails_idx;
"""

# The application may not create or drop tables. These two do it for the audit trail, as the owner, within bounds:
# whatever becomes of the application, it cannot have a year dropped that is not over.
AUDIT = """
CREATE FUNCTION audit_logs_ahead(months int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
BEGIN
  IF months NOT BETWEEN 1 AND 24 THEN
    RAISE EXCEPTION 'months must be 1 to 24';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('luna.audit_logs'));
  RETURN public.ensure_monthly_partitions('audit_logs', current_date, months);
END $$;

-- Drops the months that were over before `before`.
CREATE FUNCTION audit_logs_forget(before timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  partition record;
  forgotten int := 0;
BEGIN
  IF before > now() - interval '365 days' THEN
    RAISE EXCEPTION 'the last year is kept';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('luna.audit_logs'));
  FOR partition IN
    SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.audit_logs'::regclass AND c.relname ~ '^audit_logs_y[0-9]{4}m[0-9]{2}$'
  LOOP
    IF to_date(right(partition.name, 7), 'YYYY"m"MM') + interval '1 month' <= before THEN
      EXECUTE format('DROP TABLE public.%I', partition.name);
      forgotten := forgotten + 1;
    END IF;
  END LOOP;
  RETURN forgotten;
END $$;

REVOKE ALL ON FUNCTION audit_logs_ahead(int), audit_logs_forget(timestamptz) FROM PUBLIC;
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'luna_app') THEN
    GRANT EXECUTE ON FUNCTION audit_logs_ahead(int), audit_logs_forget(timestamptz) TO luna_app;
  END IF;
END $$;
"""

DOWNGRADE = """
DROP FUNCTION audit_logs_forget(timestamptz);
DROP FUNCTION audit_logs_ahead(int);
CREATE INDEX consumer_offsets_mails_idx ON consumer_offsets (updated_at) WHERE aggregate LIKE 'mail:%';
DROP INDEX consumer_offsets_by_time;
"""


def upgrade() -> None:
    for script in (POSITIONS, AUDIT):
        op.execute(script)


def downgrade() -> None:
    op.execute(DOWNGRADE)
