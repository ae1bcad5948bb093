"""Shared tables, accounts, catalog.

Revision 0001_foundation
"""

from alembic import op

revision = "0001_foundation"
down_revision = None
branch_labels = None
depends_on = None

EXTENSIONS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS citext;
"""

FUNCTIONS = """
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;

CREATE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('luna_outbox', '');
  RETURN NULL;
END $$;

-- unaccent() is only STABLE, since its dictionary can be changed; ours never is.
CREATE FUNCTION luna_fold(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN lower(public.unaccent('public.unaccent'::regdictionary, value));

-- Partitions `<parent>_yYYYYmMM` from the month of `first` on. They are reached through the parent alone.
CREATE FUNCTION ensure_monthly_partitions(parent text, first date, months int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  month date := date_trunc('month', first);
  made int := 0;
  name text;
BEGIN
  FOR i IN 1..months LOOP
    name := format('%s_y%sm%s', parent, to_char(month, 'YYYY'), to_char(month, 'MM'));
    IF to_regclass(name) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                     name, parent, month, month + interval '1 month');
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'luna_app') THEN
        EXECUTE format('REVOKE ALL ON %I FROM luna_app', name);
      END IF;
      made := made + 1;
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN made;
END $$;
"""

GRANTS = """
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'luna_app') THEN
    GRANT USAGE ON SCHEMA public TO luna_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO luna_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO luna_app;
  END IF;
END $$;
"""

SHARED = """
CREATE TABLE outbox (
  position       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id       uuid NOT NULL UNIQUE,
  event_type     text NOT NULL CHECK (event_type ~ '^[a-z_]+(\\.[a-z_]+)+$'),
  source         text NOT NULL,
  aggregate      text NOT NULL CHECK (aggregate ~ '^[a-z_]+:.+$'),
  aggregate_seq  bigint NOT NULL CHECK (aggregate_seq > 0),
  version        smallint NOT NULL DEFAULT 1,
  payload        jsonb NOT NULL,
  trace_id       text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at   timestamptz
);
CREATE INDEX outbox_unpublished_idx ON outbox (position) WHERE published_at IS NULL;
CREATE INDEX outbox_aggregate_idx ON outbox (aggregate, aggregate_seq);
CREATE INDEX outbox_published_idx ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox();

CREATE TABLE consumer_offsets (
  consumer    text NOT NULL,
  aggregate   text NOT NULL,
  last_seq    bigint NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
  attempts    int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, aggregate)
);

CREATE TABLE dead_letters (
  id             uuid PRIMARY KEY,
  consumer       text NOT NULL,
  event_id       uuid NOT NULL,
  aggregate      text NOT NULL,
  aggregate_seq  bigint NOT NULL,
  error          text NOT NULL,
  attempts       int NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  replayed_at    timestamptz,
  UNIQUE (consumer, event_id)
);

CREATE TABLE jobs (
  name              text PRIMARY KEY,
  every_seconds     int NOT NULL CHECK (every_seconds > 0),
  next_run_at       timestamptz NOT NULL DEFAULT now(),
  last_started_at   timestamptz,
  last_finished_at  timestamptz,
  last_error        text
);
CREATE INDEX jobs_next_run_at_idx ON jobs (next_run_at);

CREATE TABLE idempotency_keys (
  user_id     uuid NOT NULL,
  key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  path        text NOT NULL,
  body_hash   bytea NOT NULL CHECK (length(body_hash) = 32),
  status      smallint NOT NULL CHECK (status BETWEEN 200 AND 299),
  location    text,
  data        jsonb,
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL DEFAULT now() + interval '24 hours',
  PRIMARY KEY (user_id, key, path)
);
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);

CREATE TABLE audit_logs (
  id             uuid NOT NULL,
  at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  user_id        uuid,
  role           text,
  action         text NOT NULL,
  resource_type  text NOT NULL,
  resource_id    text,
  changes        jsonb NOT NULL DEFAULT '{}',
  ip_address     inet,
  trace_id       text NOT NULL,
  PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX audit_logs_at_idx ON audit_logs (at DESC, id);
CREATE INDEX audit_logs_user_id_idx ON audit_logs (user_id, at DESC);
CREATE INDEX audit_logs_resource_idx ON audit_logs (resource_type, resource_id, at DESC);

CREATE TABLE settings (
  name        text PRIMARY KEY,
  value       jsonb NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  updated_by  uuid
);
"""

AUTH = """
CREATE TABLE users (
  id                 uuid PRIMARY KEY,
  email              text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
  email_verified_at  timestamptz,
  password_hash      text NOT NULL,
  first_name         text NOT NULL CHECK (length(first_name) BETWEEN 1 AND 100),
  last_name          text NOT NULL CHECK (length(last_name) BETWEEN 1 AND 100),
  phone_number       text CHECK (length(phone_number) BETWEEN 3 AND 32),
  role               text NOT NULL CHECK (role IN ('STUDENT', 'LIBRARIAN', 'ADMIN')),
  is_active          boolean NOT NULL DEFAULT true,
  version            int NOT NULL DEFAULT 1,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_role_idx ON users (role, created_at);

-- One row a session, which is also the family of its refresh tokens: they follow one another in it.
CREATE TABLE sessions (
  id             uuid PRIMARY KEY,
  user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  refresh_hash   bytea NOT NULL UNIQUE CHECK (length(refresh_hash) = 32),
  previous_hash  bytea CHECK (length(previous_hash) = 32),
  rotated_at     timestamptz,
  device         text,
  last_address   inet,
  created_at     timestamptz NOT NULL DEFAULT now(),
  last_used_at   timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL,
  revoked_at     timestamptz,
  revoked_why    text CHECK (revoked_why IN ('LOGOUT', 'REUSED', 'PASSWORD', 'ROLE', 'DISABLED', 'ADMIN')),
  CHECK ((revoked_at IS NULL) = (revoked_why IS NULL)),
  CHECK ((previous_hash IS NULL) = (rotated_at IS NULL)),
  CHECK (expires_at > created_at)
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_revoked_at_idx ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
"""

# Words keep their script and lose their accents; nothing is stemmed, since the catalog has forty languages.
SEARCH = """
CREATE TEXT SEARCH CONFIGURATION luna (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION luna ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;
"""

BOOK = """
CREATE TABLE books (
  id                uuid PRIMARY KEY,
  title             text NOT NULL CHECK (length(title) BETWEEN 1 AND 1000),
  title_romanized   text CHECK (length(title_romanized) BETWEEN 1 AND 1000),
  author            text CHECK (length(author) BETWEEN 1 AND 500),
  author_romanized  text CHECK (length(author_romanized) BETWEEN 1 AND 500),
  isbn13            text CHECK (isbn13 ~ '^97[89][0-9]{10}$'),
  isbn_given        text,
  isbns_invalid     text[] NOT NULL DEFAULT '{}',
  control_number    text,
  publisher         text CHECK (length(publisher) BETWEEN 1 AND 500),
  publication_year  int CHECK (publication_year BETWEEN 0 AND 9999),
  description       text CHECK (length(description) <= 20000),
  cover_image_url   text CHECK (length(cover_image_url) <= 2000),
  language          text CHECK (language ~ '^[a-z]{3}$'),
  call_number       text,
  version           int NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  deleted_at        timestamptz,
  title_key         text GENERATED ALWAYS AS (left(luna_fold(coalesce(title_romanized, title)), 200)) STORED,
  author_key        text GENERATED ALWAYS AS (left(luna_fold(coalesce(author_romanized, author)), 200)) STORED,
  search            tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('public.luna', title || ' ' || coalesce(title_romanized, '')), 'A')
    || setweight(to_tsvector('public.luna', coalesce(isbn13, '')), 'A')
    || setweight(to_tsvector('public.luna', coalesce(author, '') || ' ' || coalesce(author_romanized, '')), 'B')
    || setweight(to_tsvector('public.luna', coalesce(publisher, '')), 'C')
    || setweight(to_tsvector('public.luna', left(coalesce(description, ''), 10000)), 'D')
  ) STORED
);
CREATE UNIQUE INDEX books_isbn13_key ON books (isbn13) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX books_control_number_key ON books (control_number) WHERE deleted_at IS NULL;
CREATE INDEX books_search_idx ON books USING gin (search);
CREATE INDEX books_title_idx ON books (title_key, id) WHERE deleted_at IS NULL;
CREATE INDEX books_author_idx ON books (author_key, id) WHERE deleted_at IS NULL;
CREATE INDEX books_year_idx ON books (publication_year, id) WHERE deleted_at IS NULL;
CREATE INDEX books_created_idx ON books (created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE copies (
  id              uuid PRIMARY KEY,
  book_id         uuid NOT NULL REFERENCES books,
  barcode         text NOT NULL CHECK (barcode ~ '^[A-Za-z0-9-]{3,32}$'),
  status          text NOT NULL DEFAULT 'AVAILABLE'
                  CHECK (status IN ('AVAILABLE', 'RESERVED', 'ON_ROBOT', 'CHECKED_OUT', 'UNAVAILABLE')),
  status_reason   text CHECK (status_reason IN ('LOST', 'MISSING', 'DAMAGED', 'IN_PROCESS', 'WITHDRAWN')),
  shelf_location  text CHECK (length(shelf_location) BETWEEN 1 AND 100),
  home_desk       text CHECK (length(home_desk) BETWEEN 1 AND 64),
  version         int NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  deleted_at      timestamptz,
  CHECK ((status = 'UNAVAILABLE') = (status_reason IS NOT NULL))
);
CREATE UNIQUE INDEX copies_barcode_key ON copies (barcode) WHERE deleted_at IS NULL;
CREATE INDEX copies_book_idx ON copies (book_id, status) WHERE deleted_at IS NULL;
CREATE INDEX copies_shelf_location_idx ON copies (shelf_location) WHERE deleted_at IS NULL;
"""

TOUCHED = ("consumer_offsets", "settings", "users", "books", "copies")


def upgrade() -> None:
    for script in (EXTENSIONS, FUNCTIONS, GRANTS, SHARED, AUTH, SEARCH, BOOK):
        op.execute(script)
    for table in TOUCHED:
        op.execute(
            f"CREATE TRIGGER {table}_touch BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch_updated_at()"
        )
    op.execute("SELECT ensure_monthly_partitions('audit_logs', current_date, 13)")
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'luna_app') THEN"
        " REVOKE UPDATE, DELETE, TRUNCATE ON audit_logs FROM luna_app;"
        " GRANT SELECT ON alembic_version TO luna_app;"
        " END IF; END $$"
    )


def downgrade() -> None:
    for table in (
        "copies", "books", "sessions", "users", "settings", "audit_logs", "idempotency_keys", "jobs", "dead_letters",
        "consumer_offsets", "outbox",
    ):  # fmt: skip
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP TEXT SEARCH CONFIGURATION luna")
    for function in (
        "ensure_monthly_partitions(text, date, int)", "luna_fold(text)", "notify_outbox()", "touch_updated_at()"
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}")
