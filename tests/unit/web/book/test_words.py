"""What a reader typed, as a question to the index. Folding is the database's; here stands what it gives."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.book.words import MAX_WORDS, Typed


def folded(text: str) -> Typed:
    """Folded as the database does it, as far as these words need it."""
    typed = Typed.of(text)
    return typed.folded([fold(word) for word in typed.to_fold])


def fold(text: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(char))
    apart = "".join(f" {char} " if "\u4e00" <= char <= "\u9fff" else char for char in bare)
    return " ".join("".join(char if char.isalnum() else " " for char in apart).split())


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("war and peace", "'war' & 'and' & 'peace':*"),
        ("  War   PEAce ", "'war' & 'peace':*"),
        ("war an", "'war' & 'an'"),
        ("o'neill", "(('o' & 'neill':*) | 'oneill':*)"),
        ("O’Neill plays", "(('o' & 'neill') | 'oneill') & 'plays':*"),
        ("well-being", "(('well' & 'being':*) | 'wellbeing':*)"),
        ("中國史", "('中' <-> '國' <-> '史')"),
        ("dune 978-0-441-17271-9", "'dune' & '9780441172719':*"),
        ("0-441-17271-7", "'9780441172719':*"),
        ("ISBN 978 0 441 17271 9", "'9780441172719':*"),
        ("ISBN-13: 978 0 441 17271 9", "'9780441172719':*"),
        ("- & ! war", "'war':*"),
        ("!? -", ""),
        ("   ", ""),
    ],
)
def test_words_become_a_question(text: str, query: str) -> None:
    assert folded(text).query() == query


def test_a_field_is_asked_under_its_weight() -> None:
    assert folded("leo tol").query("B") == "'leo':B & 'tol':*B"


def test_the_first_words_count() -> None:
    assert len(folded("word " * 50).words) == MAX_WORDS


def test_only_words_that_are_one_can_be_mistyped() -> None:
    assert folded("hsitory o'neil 中國 0441172717").single == {"hsitory", "oneil"}


def test_a_correction_takes_the_place_of_its_word() -> None:
    better = folded("The hsitory of Rome").corrected({"hsitory": "history"}.get)

    assert better is not None
    assert better.text == "The history of Rome"
    assert better.query() == "'the' & 'history' & 'of' & 'rome':*"


def test_nothing_to_correct_is_no_correction() -> None:
    assert folded("war").corrected({}.get) is None


@given(st.text(max_size=200))
def test_any_text_makes_a_question_with_balanced_parentheses(text: str) -> None:
    query = folded(text).query()

    assert query.count("(") == query.count(")")
    assert query.count("'") % 2 == 0
