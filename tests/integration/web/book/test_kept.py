"""What the database keeps by itself, whatever writes: the status of titles, the vocabulary, the generation."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from luna_web.book.domain import CopyStatus, book_status
from luna_web.book.models import Book, Copy, TitleStatus
from luna_web.book.repository import vocabulary
from luna_web.book.service.vocabulary import Vocabulary
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.ids import new_id
from tests.integration.servers import wait_until
from tests.integration.world import Catalog

statuses = st.sampled_from(CopyStatus)
steps = st.lists(
    st.tuples(st.sampled_from(["add", "move", "retire", "erase", "transfer"]), st.integers(0, 20), statuses),
    max_size=12,
)
DOES = {
    "add": "INSERT INTO copies (id, book_id, barcode, status, status_reason)"
    " SELECT gen_random_uuid(), id, left(gen_random_uuid()::text, 30), :status,"
    " CASE WHEN :status = 'UNAVAILABLE' THEN 'LOST' END FROM books",
    "move": "UPDATE copies SET status = :status,"
    " status_reason = CASE WHEN :status = 'UNAVAILABLE' THEN 'LOST' END WHERE hashtext(id::text) % 3 = :n % 3",
    "retire": "UPDATE copies SET deleted_at = now() WHERE hashtext(id::text) % 4 = :n % 4",
    "erase": "DELETE FROM copies WHERE hashtext(id::text) % 5 = :n % 5",
    "transfer": "UPDATE copies SET book_id = (SELECT min(id::text)::uuid FROM books)"
    " WHERE hashtext(id::text) % 3 = :n % 3",
}


def recomputed(session: Session, book: UUID) -> tuple[int, str]:
    copies = session.query(Copy).filter(Copy.book_id == book, Copy.deleted_at.is_(None)).all()
    return len(copies), book_status([CopyStatus(copy.status) for copy in copies])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_the_status_of_titles_is_that_of_their_copies_whatever_was_done_to_many_at_once(
    session_factory: SessionFactory, done: list[tuple[str, int, CopyStatus]]
) -> None:
    with session_factory() as session:
        books = [new_id() for _ in range(3)]
        session.add_all(Book(id=book, title="Robots") for book in books)
        session.flush()
        for step, number, status in done:
            session.execute(text(DOES[step]), {"status": status, "n": number})
        session.expire_all()

        kept = {row.book_id: (row.copies, row.status) for row in session.query(TitleStatus)}
        assert kept == {book: recomputed(session, book) for book in books}
        session.rollback()


def test_a_deleted_title_has_no_status(session_factory: SessionFactory, catalog: Catalog) -> None:
    catalog.add()
    with transaction(session_factory) as session:
        session.execute(text("UPDATE books SET deleted_at = now()"))

        assert session.query(TitleStatus).all() == []


def test_words_of_titles_authors_and_publishers_are_vocabulary_once(
    session_factory: SessionFactory, catalog: Catalog
) -> None:
    catalog.add(
        "The Robots of Čapek", author="Čapek, Karel", publisher="Aventinum", description="Mechanical labour 1920"
    )
    catalog.add("Robots again", isbn13="9780441172719")
    with transaction(session_factory) as session:
        session.execute(text("UPDATE books SET title = 'Androids', version = 2 WHERE title = 'Robots again'"))
        terms = session.scalars(text("SELECT term FROM search_terms ORDER BY term")).all()

    assert terms == ["again", "androids", "aventinum", "capek", "karel", "robots"]


MANY = (
    "INSERT INTO books (id, title)"
    " SELECT gen_random_uuid(), 'Zephyr' || chr(97 + n % 26) FROM generate_series(1, {}) AS n"
)


def words(session: Session) -> list[str]:
    return list(session.scalars(text("SELECT term FROM search_terms ORDER BY term")))


def test_words_of_a_hundred_titles_are_vocabulary_at_once(session_factory: SessionFactory) -> None:
    with transaction(session_factory) as session:
        session.execute(text(MANY.format(100)))

        assert words(session) == [f"zephyr{chr(97 + n)}" for n in range(26)]


def test_words_of_more_are_learned_afterwards_and_by_one_only(session_factory: SessionFactory) -> None:
    with transaction(session_factory) as session:
        session.execute(text(MANY.format(2500)))
        parts = list(session.scalars(text("SELECT cardinality(book_ids) FROM search_terms_due ORDER BY id")))
        assert (sorted(parts), words(session)) == ([500, 1000, 1000], [])
    with transaction(session_factory) as one, transaction(session_factory) as other:
        assert (vocabulary.learn_some(one), vocabulary.learn_some(other)) == (True, False)
    with transaction(session_factory) as session:
        assert words(session) == [f"zephyr{chr(97 + n)}" for n in range(26)]
        assert not vocabulary.learn_some(session)


def test_what_a_failed_transaction_wrote_or_learned_is_undone_with_it(session_factory: SessionFactory) -> None:
    with session_factory() as session:
        session.execute(text(MANY.format(101)))
        session.commit()
        vocabulary.learn_some(session)
        session.rollback()
        assert words(session) == []

    keeper = Vocabulary(session_factory)
    keeper.learn_all()

    with session_factory() as session:
        assert len(words(session)) == 26


def test_a_keeper_learns_within_seconds_until_it_is_stopped(session_factory: SessionFactory) -> None:
    keeper = Vocabulary(session_factory)
    keeper.start()
    try:
        with transaction(session_factory) as session:
            session.execute(text(MANY.format(101)))
        with session_factory() as session:
            wait_until("the words are known", lambda: len(words(session)) == 26)
    finally:
        keeper.stop()


LATIN = [
    (0xBF, 0x13E), (0x141, 0x17F), (0x2B9, 0x2BD), (0x1E00, 0x1E99), (0x1EA0, 0x1EFF), (0x2010, 0x2016),
    (0x2018, 0x201F),
]  # fmt: skip
GIVEN = "FROM unnest(CAST(:texts AS text[])) WITH ORDINALITY AS t (given, n) ORDER BY n"
latin = st.one_of(*(st.characters(min_codepoint=low, max_codepoint=high) for low, high in [(1, 0x7F), *LATIN]))


def long_way(session: Session, texts: Sequence[str]) -> list[str]:
    """As `luna_text` folds them beside a letter that is not Latin."""
    query = text(f"SELECT luna_text(given || ' ж') {GIVEN}")
    return [found.removesuffix("ж").rstrip() for found in session.scalars(query, {"texts": list(texts)})]


def short_way(session: Session, texts: Sequence[str]) -> list[str]:
    query = text(f"SELECT luna_text(given) {GIVEN}")
    return list(session.scalars(query, {"texts": list(texts)}))


def test_each_latin_letter_is_folded_the_short_way_as_the_long_way(session: Session) -> None:
    letters = [chr(code) for low, high in LATIN for code in range(low, high + 1)]
    texts = [pattern.format(letter) for letter in letters for pattern in ("{}", "a{}b", "Q{} r")]

    assert short_way(session, texts) == long_way(session, texts)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(latin, max_size=40), min_size=20, max_size=20))
def test_latin_texts_are_folded_the_short_way_as_the_long_way(session: Session, texts: list[str]) -> None:
    assert short_way(session, texts) == long_way(session, texts)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("ab'-ʼ /é\n", max_size=40), min_size=20, max_size=20))
@example(["ʼ'ʼ aʼa"] * 20)
def test_short_texts_are_joined_as_long_ones_are(session: Session, texts: list[str]) -> None:
    query = text(
        "SELECT luna_joined(given), luna_joined(repeat('.', 500) || given || ' ')"
        " FROM unnest(CAST(:texts AS text[])) AS given"
    )
    for short, long in session.execute(query, {"texts": texts}):
        assert short == long


@pytest.mark.parametrize(
    ("statement", "raises"),
    [
        ("UPDATE books SET publisher = 'x'", (1, 0)),
        ("UPDATE copies SET shelf_location = 'x'", (0, 1)),
        ("DELETE FROM copies", (0, 1)),
        ("SELECT 1", (0, 0)),
    ],
)
def test_each_change_raises_the_generation_of_what_it_changes(
    session_factory: SessionFactory, catalog: Catalog, statement: str, raises: tuple[int, int]
) -> None:
    catalog.add()

    def generation(session: Session) -> tuple[int, int]:
        row = session.execute(text("SELECT sum(titles), sum(copies) FROM catalog_generation")).one()
        return int(row[0]), int(row[1])

    with transaction(session_factory) as session:
        before = generation(session)
        session.execute(text(statement))
        after = generation(session)

    assert (after[0] - before[0], after[1] - before[1]) == raises


def test_a_restore_can_fill_the_search_column(session: Session) -> None:
    """It runs with an empty search path, in which no function of ours is found by its bare name."""
    session.execute(text("SET LOCAL search_path = ''"))

    record = "'L''Étranger 學', 'x', 'O''Neill', 'x', '{9780441172719}', '{1-2}', 'x', 'x'"
    found = session.scalar(text(f"SELECT public.luna_search({record})::text"))

    assert "'letranger'" in str(found)
