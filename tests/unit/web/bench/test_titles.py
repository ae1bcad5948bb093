"""A made catalog reads like the sample and is the same each time."""

from collections import Counter

from luna_web.bench.client import percentile
from luna_web.bench.titles import Maker, script_of
from luna_web.book.isbn import parse_isbn

MADE = list(Maker.from_seed(seed=7).titles(3_000))


def test_the_same_seed_makes_the_same_titles() -> None:
    assert list(Maker.from_seed(seed=7).titles(50)) == MADE[:50]
    assert list(Maker.from_seed(seed=8).titles(50)) != MADE[:50]


def test_every_isbn_is_right_and_none_comes_twice() -> None:
    isbns = [title.isbn13 for title in MADE if title.isbn13]

    assert all(parse_isbn(isbn) == isbn for isbn in isbns)
    assert len(set(isbns)) == len(isbns)
    assert 0.6 < len(isbns) / len(MADE) < 0.8


def test_common_words_stay_common_and_scripts_stay() -> None:
    words = Counter(word for title in MADE for word in title.title.lower().split())
    scripts = {script_of(title.title) for title in MADE}

    assert {"the", "of", "and"} <= {word for word, _ in words.most_common(10)}
    assert len(words) > 5_000
    assert {"LATIN", "CJK", "HANGUL", "ARABIC", "HEBREW"} <= scripts


def test_what_it_makes_fits_the_tables() -> None:
    assert all(1 <= len(title.title) <= 1000 and len(title.author) <= 500 and 1 <= title.copies <= 3 for title in MADE)
    assert len({title.id for title in MADE}) == len(MADE)


def test_percentiles_are_in_milliseconds() -> None:
    assert [percentile([0.001 * n for n in range(1, 101)], share) for share in (0.5, 0.95, 1.0)] == [50.0, 95.0, 100.0]
