"""The key that an importing process makes of a title is the one that the database makes."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luna_web.book.imports.importing import connection_of
from luna_web.book.imports.keys import MatchKeys
from luna_web.book.imports.merging import Key
from luna_web.book.marc import CatalogRecord
from luna_web.shared.database import SessionFactory, transaction

LATIN = st.characters(min_codepoint=1, max_codepoint=0x24F)
ANY = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])
TEXTS = st.text(LATIN, min_size=1, max_size=30) | st.text(ANY, min_size=1, max_size=30)
TITLES = st.builds(
    CatalogRecord, title=TEXTS, author=st.none() | TEXTS, publication_year=st.none() | st.integers(1000, 2100)
)


def keys_of(factory: SessionFactory, books: Sequence[CatalogRecord]) -> tuple[list[Key], list[Key]]:
    """(as the process makes them, as the database does)."""
    with transaction(factory) as session:
        connection = connection_of(session)
        ours = MatchKeys.of(connection).of_all(connection, books)
        query = "SELECT luna_match_key(%s, %s, %s::int)"
        told = ((book.title, book.author, book.publication_year) for book in books)
        return ours, [connection.execute(query, one).fetchone()[0] for one in told]  # type: ignore[index]


def test_each_letter_and_sign_is_compared_as_the_database_compares_it(import_factory: SessionFactory) -> None:
    letters = [*map(chr, range(1, 0x260)), "ς", "Ж", "東", "ﷺ", "\u0301", "\U0001f600"]
    alone = ["...", "¿?", "«»", "–"]
    books = [CatalogRecord(f"a{one}B {one}", author=one) for one in letters] + [CatalogRecord(one) for one in alone]
    ours, theirs = keys_of(import_factory, books)

    assert [book for book, our, their in zip(books, ours, theirs, strict=True) if our != their] == []


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(books=st.lists(TITLES, max_size=30))
def test_so_is_any_text(import_factory: SessionFactory, books: list[CatalogRecord]) -> None:
    ours, theirs = keys_of(import_factory, books)

    assert ours == theirs
