"""Circulation: the holds queue, notices of loans, readers that are forgotten, what periodic jobs came to.

Revision ID: 0009_circulation
Revises: 0008_tasks
"""

from alembic import op

revision = "0009_circulation"
down_revision = "0008_tasks"
branch_labels = None
depends_on = None

HOLDS = """
CREATE TABLE holds (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    book_id uuid NOT NULL REFERENCES books (id),
    book_title text NOT NULL,
    book_author text,
    status text NOT NULL CHECK (status IN ('WAITING', 'OFFERED', 'FULFILLED', 'EXPIRED', 'CANCELLED')),
    placed_at timestamptz NOT NULL,
    offered_copy_id uuid REFERENCES copies (id),
    offered_at timestamptz,
    offered_until timestamptz,
    ended_at timestamptz,
    closed_reason text,
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT holds_offer CHECK (
        (offered_copy_id IS NULL) = (offered_until IS NULL) AND (offered_copy_id IS NULL) = (offered_at IS NULL)
        AND CASE status WHEN 'OFFERED' THEN offered_copy_id IS NOT NULL
                        WHEN 'WAITING' THEN offered_copy_id IS NULL
                        ELSE true END),
    CONSTRAINT holds_ended CHECK ((status IN ('FULFILLED', 'EXPIRED', 'CANCELLED')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX holds_one_open_per_user_and_book ON holds (user_id, book_id)
    WHERE status IN ('WAITING', 'OFFERED');
CREATE UNIQUE INDEX holds_one_offer_per_copy ON holds (offered_copy_id) WHERE status = 'OFFERED';
CREATE INDEX holds_queue ON holds (book_id, placed_at, id) WHERE status = 'WAITING';
CREATE INDEX holds_offers ON holds (offered_until, id) WHERE status = 'OFFERED';
CREATE INDEX holds_ended ON holds (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX holds_of_user ON holds (user_id, placed_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX holds_of_book ON holds (book_id, placed_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX holds_by_time ON holds (placed_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE TRIGGER holds_touch BEFORE UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
"""

LOANS = """
ALTER TABLE loans
    ADD COLUMN notice text CHECK (notice IN ('DUE_SOON', 'DUE', 'OVERDUE')),
    ADD COLUMN forgotten_at timestamptz,
    ALTER COLUMN user_id DROP NOT NULL,
    DROP CONSTRAINT loans_opened_how_check,
    DROP CONSTRAINT loans_closed_how_check,
    ADD CONSTRAINT loans_opened_how_check CHECK (opened_how IN ('DELIVERY', 'COLLECTED_LATE', 'DESK')),
    ADD CONSTRAINT loans_closed_how_check CHECK (closed_how IN ('RETURN', 'CHECKIN', 'LOST', 'FOUND')),
    ADD CONSTRAINT loans_forgotten CHECK (
        (user_id IS NULL) = (forgotten_at IS NOT NULL)
        AND (forgotten_at IS NULL OR (closed_at IS NOT NULL AND closed_how <> 'LOST' AND NOT flagged)));
CREATE INDEX loans_of_copy ON loans (copy_id, opened_at DESC);
CREATE INDEX loans_of_book ON loans (book_id, opened_at DESC);
CREATE INDEX loans_to_forget ON loans (closed_at) WHERE closed_at IS NOT NULL AND NOT flagged AND user_id IS NOT NULL;
"""

READERS_ARE_FORGOTTEN = """
ALTER TABLE book_requests ALTER COLUMN user_id DROP NOT NULL,
    ADD CONSTRAINT book_requests_reader CHECK (user_id IS NOT NULL OR completed_at IS NOT NULL);
ALTER TABLE book_returns ALTER COLUMN user_id DROP NOT NULL,
    ADD CONSTRAINT book_returns_reader CHECK (user_id IS NOT NULL OR completed_at IS NOT NULL);
ALTER TABLE delivery_tasks ALTER COLUMN created_by DROP NOT NULL,
    ADD CONSTRAINT delivery_tasks_creator CHECK (created_by IS NOT NULL OR completed_at IS NOT NULL);
ALTER TABLE task_status_history ADD COLUMN actor_forgotten boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT task_status_history_forgotten CHECK (NOT actor_forgotten OR actor_id IS NULL);
CREATE INDEX book_returns_of_loan ON book_returns (loan_id);
CREATE INDEX task_status_history_by_time ON task_status_history (at);
CREATE INDEX notifications_by_time ON notifications (created_at);

-- The application may not change history. These two do what it may: only what has ended, and nothing young.
CREATE FUNCTION forget_reader(forgotten uuid, as_of timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  reader uuid;
  request uuid;
  trips uuid[];
BEGIN
  SELECT user_id, request_id INTO reader, request FROM loans
   WHERE id = forgotten AND user_id IS NOT NULL AND closed_at IS NOT NULL AND closed_how <> 'LOST' AND NOT flagged;
  IF NOT FOUND THEN RETURN false; END IF;
  trips := ARRAY(SELECT id FROM delivery_tasks WHERE request_id = request
                 UNION ALL
                 SELECT t.id FROM delivery_tasks t JOIN book_returns r ON r.id = t.return_id
                  WHERE r.loan_id = forgotten);
  IF EXISTS (SELECT FROM delivery_tasks WHERE id = ANY (trips) AND completed_at IS NULL) THEN RETURN false; END IF;
  UPDATE delivery_tasks SET
      recipient_id = nullif(recipient_id, reader),
      created_by = nullif(created_by, reader),
      said = (SELECT coalesce(jsonb_agg(CASE WHEN word ->> 'by' <> reader::text THEN word
                                             ELSE word || '{"by": null, "by_name": ""}' END ORDER BY place), '[]')
              FROM jsonb_array_elements(said) WITH ORDINALITY AS words (word, place)),
      cancel_asked = CASE WHEN cancel_asked ->> 'by' = reader::text
                          THEN cancel_asked || '{"by": null, "by_name": "", "note": null}' ELSE cancel_asked END
   WHERE id = ANY (trips);
  UPDATE book_requests SET user_id = NULL, notes = NULL WHERE id = request AND user_id = reader;
  UPDATE book_returns SET user_id = NULL, notes = NULL WHERE loan_id = forgotten AND user_id = reader;
  UPDATE task_status_history SET actor_id = NULL, actor_forgotten = true
   WHERE task_id = ANY (trips) AND actor_id = reader;
  UPDATE loans SET user_id = NULL, forgotten_at = as_of WHERE id = forgotten;
  RETURN true;
END $$;

CREATE FUNCTION purge_task_history(before timestamptz, most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  gone int;
BEGIN
  IF before > now() - interval '30 days' THEN
    RAISE EXCEPTION 'history of the last 30 days stays';
  END IF;
  DELETE FROM task_status_history WHERE id IN (
    SELECT h.id FROM task_status_history h JOIN delivery_tasks t ON t.id = h.task_id
     WHERE h.at < before AND t.completed_at < before ORDER BY h.at LIMIT most);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;
"""

JOBS = """
ALTER TABLE jobs ADD COLUMN last_handled bigint, ADD COLUMN failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0);
"""


def upgrade() -> None:
    for script in (HOLDS, LOANS, READERS_ARE_FORGOTTEN, JOBS):
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    op.execute("ALTER TABLE jobs DROP COLUMN last_handled, DROP COLUMN failures")
    op.execute("DROP FUNCTION purge_task_history(timestamptz, int)")
    op.execute("DROP FUNCTION forget_reader(uuid, timestamptz)")
    for index in (
        "notifications_by_time", "task_status_history_by_time",
        "book_returns_of_loan", "loans_to_forget", "loans_of_book", "loans_of_copy",
    ):  # fmt: skip
        op.execute(f"DROP INDEX {index}")
    # Whoever was forgotten stays so: the columns keep allowing it.
    op.execute("ALTER TABLE task_status_history DROP COLUMN actor_forgotten")
    op.execute("ALTER TABLE delivery_tasks DROP CONSTRAINT delivery_tasks_creator")
    op.execute("ALTER TABLE book_returns DROP CONSTRAINT book_returns_reader")
    op.execute("ALTER TABLE book_requests DROP CONSTRAINT book_requests_reader")
    op.execute("ALTER TABLE loans DROP COLUMN notice, DROP COLUMN forgotten_at")
    op.execute("DROP TABLE holds")
