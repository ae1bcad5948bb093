"""The catalog at a million titles: search in every script, vocabulary, status of titles, generations for the cache.

Everything that follows from rows of `books` and `copies` is kept here, by generated columns and by triggers that run
once a statement over its transition tables, so that whatever writes many thousands of rows keeps it right, too.

Revision ID: 0005_catalog
Revises: 0004_accounts
"""

from alembic import op

revision = "0005_catalog"
down_revision = "0004_accounts"
branch_labels = None
depends_on = None

# Marks that readers leave out: of Latin, Greek and Cyrillic letters, Hebrew points, Arabic vowels and the tatweel.
# Marks of Indic and Thai scripts are letters of theirs, and those of kana (U+3099, U+309A) make other syllables.
MARKS = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    r"\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
# Scripts written without spaces: each character is a word (Thai, Lao, Myanmar, Khmer; kana, Han and its extensions).
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
# Signs inside words of Indic scripts that are no letters by themselves.
INSIDE = r"\u0900-\u0dff"
# Letters and marks that `unaccent` alone brings to ASCII, just as the long way does (a test goes through them).
LATIN = (
    r"\u00bf-\u013e\u0141-\u017f\u02b9-\u02bd\u1e00-\u1e99\u1ea0-\u1eff\u2010-\u2016\u2018-\u201f"
)
JOINERS = r"'\u2019\u2018\u02bc\u02bb\u0060\u00b4\u2010\u2011\u05be\u05f3-"

# S608: nothing but the ranges above goes into it.
TEXT = rf"""
-- All names are qualified: a restore (pg_restore) fills generated columns with an empty search path.

-- A text as words of lower-case letters and digits with single spaces between, without accents: what is indexed and
-- what is asked go through it alike. What is ASCII, or becomes it without its accents, takes the short way, on which a
-- lone space is stepped over, since each place that a pattern finds takes as long as ten letters do.
CREATE FUNCTION luna_text(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  folded text;
BEGIN
  IF octet_length(value) = length(value) THEN
    folded := regexp_replace(lower(value COLLATE "C"), '[^a-z0-9 ][^a-z0-9]*', ' ', 'g');
  ELSIF value COLLATE "C" !~ '[^\u0001-\u007f{LATIN}]' THEN
    folded := regexp_replace(
      lower(public.unaccent('public.unaccent'::regdictionary, value) COLLATE "C"), '[^a-z0-9 ][^a-z0-9]*', ' ', 'g');
  ELSE
    folded := normalize(regexp_replace(normalize(value, NFKD), '[{MARKS}]', '', 'g'), NFKC);
    folded := lower(public.unaccent('public.unaccent'::regdictionary, folded));
    folded := translate(folded, U&'\03C2\0649\06CC\06A9\0629', U&'\03C3\064A\064A\0643\0647');
    folded := regexp_replace(folded, '([{UNSPACED}])', ' \1 ', 'g');
    folded := regexp_replace(folded, '[^[:alnum:] {INSIDE}{UNSPACED}]+', ' ', 'g');
  END IF;
  IF position('  ' IN folded) > 0 THEN
    folded := regexp_replace(folded, '  +', ' ', 'g');
  END IF;
  RETURN btrim(folded);
END $$;

-- Words with an apostrophe or hyphen inside, without it: `O'Neill well-being` gives `ONeill wellbeing`. Short texts are
-- gone through one word after another, since a query takes as long as several of these steps.
CREATE FUNCTION luna_joined(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  joined text := '';
  rest text := value;
  hit text;
BEGIN
  IF length(value) > 500 THEN
    RETURN (SELECT coalesce(ltrim(string_agg(
              regexp_replace(word[1], '[{JOINERS.replace("'", "''")}]', '', 'g'), ' ')), '')
            FROM regexp_matches(value, '([[:alnum:]]+(?:[{JOINERS.replace("'", "''")}][[:alnum:]]+)+)', 'g') AS word);
  END IF;
  LOOP
    hit := regexp_substr(rest, '[[:alnum:]]+(?:[{JOINERS.replace("'", "''")}][[:alnum:]]+)+');
    EXIT WHEN hit IS NULL;
    joined := joined || ' ' || regexp_replace(hit, '[{JOINERS.replace("'", "''")}]', '', 'g');
    rest := substr(rest, position(hit IN rest) + length(hit));
  END LOOP;
  RETURN ltrim(joined);
END $$;

CREATE FUNCTION luna_vector(value text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  joined text;
BEGIN
  IF value COLLATE "C" ~ '[{JOINERS.replace("'", "''")}]' THEN
    joined := public.luna_joined(value);
    IF joined <> '' THEN
      RETURN to_tsvector('pg_catalog.simple', public.luna_text(value) || ' ' || public.luna_text(joined));
    END IF;
  END IF;
  RETURN to_tsvector('pg_catalog.simple', public.luna_text(value));
END $$;

-- What a title is found by: A title, B author, C publisher, D description and numbers printed wrong.
CREATE FUNCTION luna_search(
  title text, title_romanized text, author text, author_romanized text, isbns text[], isbns_invalid text[],
  publisher text, description text
) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  found tsvector;
BEGIN
  found := setweight(public.luna_vector(concat_ws(E'\n', title, title_romanized)), 'A');
  IF isbns <> '{{}}' THEN
    found := found || array_to_tsvector(isbns);
  END IF;
  IF author IS NOT NULL OR author_romanized IS NOT NULL THEN
    found := found || setweight(public.luna_vector(concat_ws(E'\n', author, author_romanized)), 'B');
  END IF;
  IF publisher IS NOT NULL THEN
    found := found || setweight(public.luna_vector(publisher), 'C');
  END IF;
  IF description IS NOT NULL THEN
    found := found || setweight(public.luna_vector(left(description, 10000)), 'D');
  END IF;
  IF isbns_invalid <> '{{}}' THEN
    found := found || setweight(public.luna_vector(left(array_to_string(isbns_invalid, ' '), 1000)), 'D');
  END IF;
  RETURN found;
END $$;
"""  # noqa: S608

# By what titles are sorted and completed, in the byte order of `luna_text`, which any locale gives alike.
COLUMNS = """
DROP INDEX books_title_idx, books_author_idx, books_year_idx;
ALTER TABLE books DROP COLUMN search, DROP COLUMN title_key, DROP COLUMN author_key;
DROP TEXT SEARCH CONFIGURATION luna;
ALTER TABLE books ADD COLUMN isbns_other text[] NOT NULL DEFAULT '{}';
ALTER TABLE books
  ADD COLUMN title_key text COLLATE "C" NOT NULL
    GENERATED ALWAYS AS (left(luna_text(left(coalesce(title_romanized, title), 300)), 200)) STORED,
  ADD COLUMN own_key text COLLATE "C"
    GENERATED ALWAYS AS (
      CASE WHEN title_romanized IS NOT NULL THEN left(luna_text(left(title, 300)), 200) END
    ) STORED,
  ADD COLUMN author_key text COLLATE "C"
    GENERATED ALWAYS AS (left(luna_text(left(coalesce(author_romanized, author), 300)), 200)) STORED,
  ADD COLUMN search tsvector NOT NULL
    GENERATED ALWAYS AS (
      luna_search(
        title, title_romanized, author, author_romanized, array_remove(array_prepend(isbn13, isbns_other), NULL),
        isbns_invalid, publisher, description
      )
    ) STORED;
CREATE INDEX books_title_idx ON books (title_key, id) WHERE deleted_at IS NULL;
CREATE INDEX books_own_idx ON books (own_key, id) WHERE deleted_at IS NULL AND own_key IS NOT NULL;
CREATE INDEX books_author_idx ON books (author_key, id) WHERE deleted_at IS NULL;
CREATE INDEX books_author_down_idx ON books (author_key DESC NULLS LAST, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX books_year_idx ON books (publication_year, id) WHERE deleted_at IS NULL;
CREATE INDEX books_year_down_idx ON books (publication_year DESC NULLS LAST, id DESC) WHERE deleted_at IS NULL;
"""

# Every search reads the pending list from end to end, so it stays short.
SEARCH_INDEX = "CREATE INDEX books_search_idx ON books USING gin (search) WITH (gin_pending_list_limit = 512)"

# No key on `term`: two transactions that bring the same word would wait for each other. It may stand there twice.
TERMS = """
CREATE TABLE search_terms (term text COLLATE "C" NOT NULL);

-- Titles whose words are still to be looked at, a thousand a row: what a statement wrote that wrote many.
CREATE TABLE search_terms_due (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  book_ids  uuid[] NOT NULL
);
ALTER TABLE search_terms_due ALTER COLUMN book_ids SET STORAGE EXTERNAL;

-- Add the words that are new. Each is looked up by the index: a plan that was made while the table was small must not
-- read it whole later on.
CREATE FUNCTION add_search_terms(records tsvector[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO search_terms (term)
  SELECT used.term
  FROM (SELECT DISTINCT word COLLATE "C" AS term
        FROM unnest(records) AS record, unnest(tsvector_to_array(ts_filter(record, '{a,b,c}'))) AS word
        WHERE length(word) BETWEEN 4 AND 40) AS used
  WHERE used.term !~ '[0-9]' AND (SELECT true FROM search_terms AS known WHERE known.term = used.term LIMIT 1) IS NULL;
END $$;

-- A few titles are looked at as they are written. Of many only the ids are noted, since looking at their words would
-- take a fifth of the time that an import has.
CREATE FUNCTION keep_search_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT count(*) FROM (SELECT FROM written LIMIT 101) AS first) <= 100 THEN
    PERFORM add_search_terms(array_agg(search)) FROM written;
  ELSE
    INSERT INTO search_terms_due (book_ids)
    SELECT array_agg(id)
    FROM (SELECT id, (row_number() OVER () - 1) / 1000 AS part FROM written) AS parts GROUP BY part;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER books_terms_insert AFTER INSERT ON books REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION keep_search_terms();
CREATE TRIGGER books_terms_update AFTER UPDATE ON books REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION keep_search_terms();

-- Look at the words of titles that were noted, about ten thousand at a time; says whether there were any. What another
-- transaction looks at already is left to it.
CREATE FUNCTION learn_search_terms() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  ids uuid[];
BEGIN
  WITH taken AS (
    DELETE FROM search_terms_due
    WHERE id IN (SELECT id FROM search_terms_due ORDER BY id LIMIT 10 FOR UPDATE SKIP LOCKED)
    RETURNING book_ids
  )
  SELECT array_agg(book_id) INTO ids FROM taken, unnest(book_ids) AS book_id;
  PERFORM add_search_terms(array_agg(search)) FROM books WHERE id = ANY (ids);
  RETURN ids IS NOT NULL;
END $$;
"""
TERM_INDEXES = """
INSERT INTO search_terms (term)
SELECT DISTINCT word.lexeme FROM books, unnest(search) AS word
WHERE word.weights && '{A,B,C}' AND length(word.lexeme) BETWEEN 4 AND 40 AND word.lexeme !~ '[0-9]';
CREATE INDEX search_terms_term_idx ON search_terms (term);
CREATE INDEX search_terms_trigrams_idx ON search_terms USING gin (term gin_trgm_ops)
  WITH (gin_pending_list_limit = 128);
"""

# What the copies of a title come to, so that a list by status reads an index. Changes are added up, never recomputed:
# two transactions that move two copies of a title do not see each other, but their sums come out right. Only triggers
# write here, so a foreign key would check a million times what they keep anyway.
STATUS = """
CREATE TABLE book_status (
  book_id      uuid PRIMARY KEY,
  copies       int NOT NULL DEFAULT 0,
  available    int NOT NULL DEFAULT 0,
  reserved     int NOT NULL DEFAULT 0,
  checked_out  int NOT NULL DEFAULT 0,
  status       text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN available > 0 THEN 'AVAILABLE' WHEN reserved > 0 THEN 'RESERVED'
         WHEN checked_out > 0 THEN 'CHECKED_OUT' ELSE 'UNAVAILABLE' END
  ) STORED
) WITH (fillfactor = 85);
INSERT INTO book_status (book_id, copies, available, reserved, checked_out)
SELECT books.id, count(copies.id), count(*) FILTER (WHERE copies.status = 'AVAILABLE'),
       count(*) FILTER (WHERE copies.status IN ('RESERVED', 'ON_ROBOT')),
       count(*) FILTER (WHERE copies.status = 'CHECKED_OUT')
FROM books LEFT JOIN copies ON copies.book_id = books.id AND copies.deleted_at IS NULL
WHERE books.deleted_at IS NULL GROUP BY books.id;
CREATE INDEX book_status_status_idx ON book_status (status, book_id);

CREATE FUNCTION keep_book_status_of_titles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  CASE TG_OP
    WHEN 'INSERT' THEN
      INSERT INTO book_status (book_id) SELECT id FROM written WHERE deleted_at IS NULL;
    WHEN 'UPDATE' THEN
      DELETE FROM book_status USING written WHERE book_id = written.id AND written.deleted_at IS NOT NULL;
    ELSE
      DELETE FROM book_status USING gone WHERE book_id = gone.id;
  END CASE;
  RETURN NULL;
END $$;
CREATE TRIGGER books_status_insert AFTER INSERT ON books REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION keep_book_status_of_titles();
CREATE TRIGGER books_status_update AFTER UPDATE ON books REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION keep_book_status_of_titles();
CREATE TRIGGER books_status_delete AFTER DELETE ON books REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION keep_book_status_of_titles();

CREATE FUNCTION keep_book_status_of_copies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- In the order of ids, so that two statements over the same titles wait for each other and never in a ring.
  CASE TG_OP
    WHEN 'INSERT' THEN
      PERFORM FROM book_status WHERE book_id IN (SELECT book_id FROM written) ORDER BY book_id FOR NO KEY UPDATE;
    WHEN 'DELETE' THEN
      PERFORM FROM book_status WHERE book_id IN (SELECT book_id FROM gone) ORDER BY book_id FOR NO KEY UPDATE;
    ELSE
      PERFORM FROM book_status
      WHERE book_id IN (SELECT book_id FROM written UNION ALL SELECT book_id FROM gone)
      ORDER BY book_id FOR NO KEY UPDATE;
  END CASE;
  IF TG_OP <> 'DELETE' THEN
    UPDATE book_status AS standing
    SET copies = standing.copies + more.copies, available = standing.available + more.available,
        reserved = standing.reserved + more.reserved, checked_out = standing.checked_out + more.checked_out
    FROM (SELECT book_id, count(*) AS copies, count(*) FILTER (WHERE status = 'AVAILABLE') AS available,
                 count(*) FILTER (WHERE status IN ('RESERVED', 'ON_ROBOT')) AS reserved,
                 count(*) FILTER (WHERE status = 'CHECKED_OUT') AS checked_out
          FROM written WHERE deleted_at IS NULL GROUP BY book_id) AS more
    WHERE standing.book_id = more.book_id;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    UPDATE book_status AS standing
    SET copies = standing.copies - less.copies, available = standing.available - less.available,
        reserved = standing.reserved - less.reserved, checked_out = standing.checked_out - less.checked_out
    FROM (SELECT book_id, count(*) AS copies, count(*) FILTER (WHERE status = 'AVAILABLE') AS available,
                 count(*) FILTER (WHERE status IN ('RESERVED', 'ON_ROBOT')) AS reserved,
                 count(*) FILTER (WHERE status = 'CHECKED_OUT') AS checked_out
          FROM gone WHERE deleted_at IS NULL GROUP BY book_id) AS less
    WHERE standing.book_id = less.book_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER copies_status_insert AFTER INSERT ON copies REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION keep_book_status_of_copies();
CREATE TRIGGER copies_status_update AFTER UPDATE ON copies REFERENCING OLD TABLE AS gone NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION keep_book_status_of_copies();
CREATE TRIGGER copies_status_delete AFTER DELETE ON copies REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION keep_book_status_of_copies();
"""

# The sum over the rows grows with each committed change and with nothing else, so it names what a reader sees. Each
# writer raises a row that nobody else holds, or makes a new one: as many rows as writers ever wrote at once.
GENERATION = """
CREATE TABLE catalog_generation (
  shard   int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  titles  bigint NOT NULL DEFAULT 0,
  copies  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);

CREATE FUNCTION raise_catalog_generation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  mine int;
BEGIN
  SELECT shard INTO mine FROM catalog_generation ORDER BY shard LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
  IF mine IS NULL THEN
    INSERT INTO catalog_generation (titles, copies)
    VALUES ((TG_TABLE_NAME = 'books')::int, (TG_TABLE_NAME = 'copies')::int);
  ELSE
    UPDATE catalog_generation
    SET titles = titles + (TG_TABLE_NAME = 'books')::int, copies = copies + (TG_TABLE_NAME = 'copies')::int
    WHERE shard = mine;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER books_generation AFTER INSERT OR UPDATE OR DELETE ON books
  FOR EACH STATEMENT EXECUTE FUNCTION raise_catalog_generation();
CREATE TRIGGER copies_generation AFTER INSERT OR UPDATE OR DELETE ON copies
  FOR EACH STATEMENT EXECUTE FUNCTION raise_catalog_generation();
"""

# Above the numbers that the seed catalog gives its copies (`book/seed.py`), below those left to imports.
BARCODES = "CREATE SEQUENCE item_numbers MINVALUE 1000000 MAXVALUE 49999999"

SHELVES = """
DROP INDEX copies_shelf_location_idx;
CREATE INDEX copies_shelf_location_idx ON copies (shelf_location text_pattern_ops) WHERE deleted_at IS NULL;
"""


BACK = """
DROP SEQUENCE item_numbers;
DROP TRIGGER books_terms_insert ON books;
DROP TRIGGER books_terms_update ON books;
DROP TRIGGER books_status_insert ON books;
DROP TRIGGER books_status_update ON books;
DROP TRIGGER books_status_delete ON books;
DROP TRIGGER books_generation ON books;
DROP TRIGGER copies_status_insert ON copies;
DROP TRIGGER copies_status_update ON copies;
DROP TRIGGER copies_status_delete ON copies;
DROP TRIGGER copies_generation ON copies;
DROP TABLE book_status, catalog_generation, search_terms, search_terms_due;
DROP FUNCTION keep_search_terms(), learn_search_terms(), add_search_terms(tsvector[]), keep_book_status_of_titles(),
  keep_book_status_of_copies(), raise_catalog_generation();
DROP INDEX copies_shelf_location_idx, books_year_idx, books_year_down_idx;
CREATE INDEX copies_shelf_location_idx ON copies (shelf_location) WHERE deleted_at IS NULL;
ALTER TABLE books DROP COLUMN search, DROP COLUMN title_key, DROP COLUMN own_key, DROP COLUMN author_key,
  DROP COLUMN isbns_other;
DROP FUNCTION luna_search(text, text, text, text, text[], text[], text, text), luna_vector(text), luna_joined(text),
  luna_text(text);
CREATE TEXT SEARCH CONFIGURATION luna (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION luna ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;
ALTER TABLE books
  ADD COLUMN title_key text GENERATED ALWAYS AS (left(luna_fold(coalesce(title_romanized, title)), 200)) STORED,
  ADD COLUMN author_key text GENERATED ALWAYS AS (left(luna_fold(coalesce(author_romanized, author)), 200)) STORED,
  ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('public.luna', title || ' ' || coalesce(title_romanized, '')), 'A')
    || setweight(to_tsvector('public.luna', coalesce(isbn13, '')), 'A')
    || setweight(to_tsvector('public.luna', coalesce(author, '') || ' ' || coalesce(author_romanized, '')), 'B')
    || setweight(to_tsvector('public.luna', coalesce(publisher, '')), 'C')
    || setweight(to_tsvector('public.luna', left(coalesce(description, ''), 10000)), 'D')
  ) STORED;
CREATE INDEX books_search_idx ON books USING gin (search);
CREATE INDEX books_title_idx ON books (title_key, id) WHERE deleted_at IS NULL;
CREATE INDEX books_author_idx ON books (author_key, id) WHERE deleted_at IS NULL;
CREATE INDEX books_year_idx ON books (publication_year, id) WHERE deleted_at IS NULL;
"""


def upgrade() -> None:
    for script in (TEXT, COLUMNS, SEARCH_INDEX, TERMS, TERM_INDEXES, STATUS, GENERATION, BARCODES, SHELVES):
        # As it stands: `op.execute` would take `[:alnum:]` for a parameter.
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(BACK)
