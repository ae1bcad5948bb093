"""Bulk import: jobs, their files in pieces, what was wrong with them, and how a record finds its title.

Revision ID: 0006_imports
Revises: 0005_catalog
"""

from alembic import op

revision = "0006_imports"
down_revision = "0005_catalog"
branch_labels = None
depends_on = None

# Title, author and year as they are compared: without accents, case, spaces and punctuation. The marks are listed by
# number, since classes of characters mean something else under each collation, and a key without its letters would
# match anything. PL/pgSQL, since it is called for each title that is written: a function in SQL that cannot be inlined
# takes several times as long, and what calls `unaccent` cannot.
MARKS = (
    r"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a1\u00a7\u00ab\u00ad\u00b4\u00b7\u00bb\u00bf\u02b9-\u02bc"
    r"\u2000-\u206f\u3000-\u3004\u3008-\u303f\u30fb\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
MATCHING = rf"""
CREATE FUNCTION luna_match_key(title text, author text, year int) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  words text := lower(public.unaccent('public.unaccent'::regdictionary, title));
  name text := lower(public.unaccent('public.unaccent'::regdictionary, author));
BEGIN
  -- All of ASCII but letters and digits is among the marks; spaces go faster by `replace` than by a pattern.
  IF octet_length(words) = length(words) THEN
    words := replace(regexp_replace(words COLLATE "C", '[^a-z0-9 ]+', '', 'g'), ' ', '');
  ELSE
    words := regexp_replace(words, '[{MARKS}]+', '', 'g');
  END IF;
  IF octet_length(name) = length(name) THEN
    name := replace(regexp_replace(name COLLATE "C", '[^a-z0-9 ]+', '', 'g'), ' ', '');
  ELSE
    name := regexp_replace(name, '[{MARKS}]+', '', 'g');
  END IF;
  RETURN md5(coalesce(nullif(words, ''), title) || '|' || coalesce(name, '') || '|' || coalesce(year::text, ''))::uuid;
END $$
"""
BOOKS = """
CREATE INDEX books_match_idx ON books (luna_match_key(title, author, publication_year), id) WHERE deleted_at IS NULL;

-- Numbers of items whose barcodes an import makes: the upper half of what the eight digits of a barcode hold.
CREATE SEQUENCE import_barcode_seq AS int MINVALUE 50000001 MAXVALUE 99999999;
"""

TABLES = """
CREATE TABLE import_jobs (
  id              uuid PRIMARY KEY,
  created_by      uuid REFERENCES users,
  state           text NOT NULL
                  CHECK (state IN ('UPLOADING', 'QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  format          text CHECK (format IN ('MARC', 'MARCXML', 'CSV', 'XLSX', 'JSONL')),
  file_name       text CHECK (length(file_name) BETWEEN 1 AND 255),
  size_bytes      bigint NOT NULL DEFAULT 0 CHECK (size_bytes >= 0),
  sha256          bytea CHECK (length(sha256) = 32),
  dry_run         boolean NOT NULL DEFAULT false,
  options         jsonb NOT NULL DEFAULT '{}',
  detected        jsonb,
  position        bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
  progress        real NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
  added           bigint NOT NULL DEFAULT 0,
  updated         bigint NOT NULL DEFAULT 0,
  unchanged       bigint NOT NULL DEFAULT 0,
  rejected        bigint NOT NULL DEFAULT 0,
  warnings        bigint NOT NULL DEFAULT 0,
  copies_added    bigint NOT NULL DEFAULT 0,
  failure         text CHECK (length(failure) BETWEEN 1 AND 1000),
  claimed_by      uuid,
  lease_until     timestamptz,
  attempts        int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  tried_from      bigint,
  trace_id        text NOT NULL,
  version         int NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  queued_at       timestamptz,
  started_at      timestamptz,
  finished_at     timestamptz,
  tidied_at       timestamptz,
  CHECK (state = 'UPLOADING' OR format IS NOT NULL OR state = 'CANCELLED'),
  CHECK ((state = 'FAILED') = (failure IS NOT NULL)),
  CHECK ((state IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)),
  CHECK (state = 'RUNNING' OR claimed_by IS NULL),
  CHECK ((claimed_by IS NULL) = (lease_until IS NULL)),
  CHECK (added + updated + unchanged + rejected = position)
);
-- One at a time: two imports of one file would only wait for each other's rows.
CREATE UNIQUE INDEX import_jobs_one_running ON import_jobs ((true)) WHERE state = 'RUNNING';
CREATE INDEX import_jobs_queue ON import_jobs (queued_at, id) WHERE state IN ('QUEUED', 'RUNNING');
CREATE INDEX import_jobs_created_idx ON import_jobs (created_at, id);
CREATE INDEX import_jobs_untidied ON import_jobs (updated_at) WHERE tidied_at IS NULL;

CREATE TABLE import_chunks (
  job_id   uuid NOT NULL REFERENCES import_jobs ON DELETE CASCADE,
  number   int NOT NULL CHECK (number >= 0),
  content  bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 1048576),
  PRIMARY KEY (job_id, number)
);
-- Packed files do not pack again, and a piece in the middle is read without unpacking.
ALTER TABLE import_chunks ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE import_errors (
  job_id    uuid NOT NULL REFERENCES import_jobs ON DELETE CASCADE,
  number    bigint NOT NULL CHECK (number > 0),
  severity  text NOT NULL CHECK (severity IN ('REJECTED', 'WARNING')),
  record    bigint,
  line      bigint,
  field     text,
  reason    text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  value     text CHECK (length(value) <= 200),
  PRIMARY KEY (job_id, number)
);
CREATE INDEX import_errors_severity_idx ON import_errors (job_id, severity, number);

-- What a running job has met already, so that the first record of a file that describes a title speaks for it.
-- In a dry run also what the title would be by now. No foreign key to the job: it would look the job up once for each
-- title of a batch, which raises the job's own row anyway; jobs are deleted only once they have nothing here.
CREATE TABLE import_met (
  job_id          uuid NOT NULL,
  thing_id        uuid NOT NULL,
  isbn13          text,
  control_number  text,
  match_key       uuid,
  barcodes        text[],
  draft           jsonb,
  PRIMARY KEY (job_id, thing_id)
);
CREATE INDEX import_met_isbn13_idx ON import_met (job_id, isbn13) WHERE draft IS NOT NULL;
CREATE INDEX import_met_control_number_idx ON import_met (job_id, control_number) WHERE draft IS NOT NULL;
CREATE INDEX import_met_match_key_idx ON import_met (job_id, match_key) WHERE draft IS NOT NULL;
CREATE INDEX import_met_barcodes_idx ON import_met USING gin (barcodes) WHERE draft IS NOT NULL;

-- Which title a record without any number was taken for: it must be the same title the next time.
CREATE TABLE import_pins (
  match_key  uuid PRIMARY KEY,
  book_id    uuid NOT NULL REFERENCES books ON DELETE CASCADE
);
CREATE INDEX import_pins_book_idx ON import_pins (book_id);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(MATCHING)
    op.execute(BOOKS)
    op.execute(TABLES)
    op.execute(
        "CREATE TRIGGER import_jobs_touch BEFORE UPDATE ON import_jobs"
        " FOR EACH ROW EXECUTE FUNCTION touch_updated_at()"
    )


def downgrade() -> None:
    op.execute("DROP TABLE import_pins, import_met, import_errors, import_chunks, import_jobs")
    op.execute("DROP SEQUENCE import_barcode_seq")
    op.execute("DROP INDEX books_match_idx")
    op.execute("DROP FUNCTION luna_match_key(text, text, int)")
