"""What readers type finds what they mean, in every script, and nothing else."""

import unicodedata
from functools import lru_cache
from math import inf
from typing import Any

import pytest

from luna_web.book.domain import CopyStatus
from luna_web.book.repository import asking, lists, matches, ranking, sorting
from luna_web.shared.database import SessionFactory, transaction
from tests.integration.world import Api, Catalog, data


def titles(api: Api, **params: object) -> list[str]:
    return [book["title"] for book in data(api.get("/books", params=params))]


SHELF: tuple[tuple[str, dict[str, Any]], ...] = (
    ("War and Peace", {"author": "Tolstoy, Leo"}),
    ("Long day's journey into night", {"author": "O'Neill, Eugene"}),
    ("L'Étranger", {"author": "Camus, Albert"}),
    ("The well-being of nations", {}),
    ("Straße der Ölsardinen", {}),
    ("Æsop's Łódź tales", {}),
    ("Οἱ Ἀχαρνῆς: κωμῳδίας λόγος", {"author": "Ἀριστοφάνης"}),
    ("Ёлка в Кремле", {}),
    ("中國歷史研究", {"title_romanized": "Zhongguo li shi yan jiu"}),
    ("吾輩は猫である", {"author": "夏目漱石"}),
    ("ガラスの動物園", {}),
    ("한국의 역사", {}),
    ("كِتَابُ الحَيَوَان", {"author": "الجاحظ"}),
    ("בְּרֵאשִׁית בָּרָא", {}),
    ("हिन्दी साहित्य का इतिहास", {}),
    ("ประวัติศาสตร์ไทย", {}),
    ("İstanbul hatıraları", {}),
    ("Dune", {"isbn13": "9780441172719", "isbns_invalid": ["0-441-17271-9"]}),
    ("C++ & the 1984/85 report (vol. 2)", {}),
)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("o'neill", "Long day's journey into night"),
        ("O’Neill", "Long day's journey into night"),
        ("oneill", "Long day's journey into night"),
        ("days journey", "Long day's journey into night"),
        ("etranger", "L'Étranger"),
        ("L’étranger", "L'Étranger"),
        ("letranger", "L'Étranger"),
        ("wellbeing", "The well-being of nations"),
        ("well being", "The well-being of nations"),
        ("well‐being", "The well-being of nations"),
        ("strasse", "Straße der Ölsardinen"),
        ("OLSARDINEN", "Straße der Ölsardinen"),
        ("aesop lodz", "Æsop's Łódź tales"),
        ("αχαρνης", "Οἱ Ἀχαρνῆς: κωμῳδίας λόγος"),
        ("ΑΧΑΡΝΗΣ", "Οἱ Ἀχαρνῆς: κωμῳδίας λόγος"),
        ("λογος", "Οἱ Ἀχαρνῆς: κωμῳδίας λόγος"),
        ("елка", "Ёлка в Кремле"),
        ("歷史", "中國歷史研究"),
        ("國歷史研", "中國歷史研究"),
        ("zhongguo", "中國歷史研究"),
        ("猫", "吾輩は猫である"),
        ("猫である", "吾輩は猫である"),
        ("漱石", "吾輩は猫である"),
        ("動物", "ガラスの動物園"),
        ("ｶﾞﾗｽ", "ガラスの動物園"),
        ("한국", "한국의 역사"),
        ("كتاب الحيوان", "كِتَابُ الحَيَوَان"),
        ("בראשית ברא", "בְּרֵאשִׁית בָּרָא"),
        ("हिन्दी इतिहास", "हिन्दी साहित्य का इतिहास"),
        ("ศาสตร์", "ประวัติศาสตร์ไทย"),
        ("istanbul hatiralari", "İstanbul hatıraları"),
        ("ISBN-13: 978-0-441-17271-9", "Dune"),
        ("0 441 17271 7", "Dune"),
        ("dune 9780441172719", "Dune"),
        ("0441172719", "Dune"),
        ("c++", "C++ & the 1984/85 report (vol. 2)"),
        ("1984/85", "C++ & the 1984/85 report (vol. 2)"),
    ],
)
def test_what_a_reader_types_finds_the_title(student: Api, shelf: None, typed: str, found: str) -> None:
    assert titles(student, q=typed) == [found]


@pytest.mark.parametrize(
    "typed",
    ["史歷", "カラス", "peace dune", "&|!():*<->", "\\", "%", "_", "'", "'; DROP TABLE books; --", "💥", "\u200f"],
)
def test_what_is_in_no_title_finds_none(student: Api, shelf: None, typed: str) -> None:
    assert titles(student, q=typed) == []


@pytest.mark.parametrize("typed", ["\ufdf2" * 500, "x" * 500, "学" * 500, "a-" * 250, "' " * 250, "\U0001d400" * 500])
def test_the_longest_questions_get_an_answer(student: Api, shelf: None, typed: str) -> None:
    for field in ("q", "title", "author", "publisher", "shelf_location"):
        data(student.get("/books", params={field: typed}))
    data(student.get("/books/suggestions", params={"q": typed}))


@pytest.fixture
def shelf(catalog: Catalog) -> None:
    for title, columns in SHELF:
        catalog.add(title, **columns)


def ids_found(api: Api, **params: Any) -> list[str]:
    return [book["id"] for book in api.get("/books", params=params).json()["data"]]


@pytest.fixture
def three_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three instead of a thousand and four of two thousand, in statements that no other test gets."""
    for module, kept in ((asking, asking.made_for), (asking, asking.total_of), (sorting, sorting.total_of)):
        monkeypatch.setattr(module, kept.__name__, lru_cache(kept.__wrapped__))
    for module in (matches, ranking, sorting):
        monkeypatch.setattr(module, "CANDIDATES", 3)
    monkeypatch.setattr(sorting, "SORTED", 4)


class TestRelevance:
    def test_the_title_itself_comes_before_all_that_mention_it(self, student: Api, catalog: Catalog) -> None:
        catalog.add("History history history")
        catalog.add("A history of history")
        catalog.add("History")

        assert titles(student, q="history")[0] == "History"

    def test_beyond_the_ranked_candidates_the_title_itself_is_still_found(
        self, student: Api, catalog: Catalog, three_candidates: None
    ) -> None:
        for number in range(5):
            catalog.add(f"Robots {number}")
        catalog.add("Robots")

        answer = student.get("/books", params={"q": "robots", "limit": 2}).json()

        assert answer["data"][0]["title"] == "Robots"
        assert answer["pagination"] == {"page": 1, "limit": 2, "total": 3, "total_pages": 2, "total_capped": True}

    def test_titles_with_the_word_itself_are_among_the_ranked_however_many_only_begin_so(
        self, student: Api, catalog: Catalog, three_candidates: None
    ) -> None:
        begun = {str(catalog.add(f"Robots {number}")) for number in range(5)}
        whole = {str(catalog.add(title)) for title in ("A robot", "Of a robot and of robots")}

        pages = [ids_found(student, q="robot", page=page, limit=2) for page in range(1, 6)]

        assert whole <= {*pages[0], *pages[1]}
        assert sorted(one for page in pages for one in page) == sorted(whole | begun)

    def test_pages_beyond_the_ranked_candidates_repeat_and_skip_nothing(
        self, student: Api, catalog: Catalog, three_candidates: None
    ) -> None:
        books = {str(catalog.add(f"Robots {number}")) for number in range(8)}
        last = str(catalog.add("Robots"))

        pages = [ids_found(student, q="robots", page=page, limit=2) for page in range(1, 7)]

        assert [len(page) for page in pages] == [2, 2, 2, 2, 1, 0]
        assert pages[0][0] == last
        assert {one for page in pages for one in page} == books | {last}

    def test_pages_of_a_search_repeat_and_skip_nothing(self, student: Api, catalog: Catalog) -> None:
        for _ in range(7):
            catalog.add("Robots")

        pages = [
            student.get("/books", params={"q": "robots", "page": page, "limit": 3}).json() for page in (1, 2, 3, 4)
        ]

        ids = [book["id"] for page in pages for book in page["data"]]
        assert len(set(ids)) == len(ids) == 7
        assert {page["pagination"]["total"] for page in pages} == {7}


class TestTotals:
    @pytest.mark.parametrize(
        ("params", "total"),
        [({}, 4), ({"status": "AVAILABLE"}, 3), ({"status": "AVAILABLE", "year_from": 2000}, 1), ({"q": "robots"}, 4),
         ({"q": "robots", "sort": "title"}, 4), ({"page": 9}, 4), ({"q": "robots", "page": 9, "sort": "author"}, 4),
         ({"status": "CHECKED_OUT", "page": 9}, 1)],
    )  # fmt: skip
    def test_each_list_says_how_many_there_are(
        self, student: Api, librarian: Api, catalog: Catalog, params: dict[str, Any], total: int
    ) -> None:
        catalog.add("Robots", publication_year=2001)
        catalog.add("Robots", publication_year=1920, copies=2)
        catalog.add("Robots")
        catalog.add("Robots", copies=(CopyStatus.CHECKED_OUT,))
        data(librarian.delete(f"/books/{catalog.add('Robots')}"))

        assert student.get("/books", params=params).json()["pagination"]["total"] == total

    def test_beyond_its_cap_a_total_says_so_and_pages_go_on(
        self, student: Api, catalog: Catalog, three_candidates: None
    ) -> None:
        for number in range(5):
            catalog.add(f"Robots {number}")

        last = student.get("/books", params={"q": "robots", "sort": "title", "page": 2, "limit": 3}).json()

        assert [book["title"] for book in last["data"]] == ["Robots 3", "Robots 4"]
        assert (last["pagination"]["total"], last["pagination"]["total_capped"]) == (3, True)


class TestManyMatches:
    @pytest.mark.parametrize("order", ["asc", "desc"])
    @pytest.mark.parametrize("q", ["robots", "robot"])
    def test_sorted_pages_go_through_all_of_them_however_many_there_are(
        self, student: Api, catalog: Catalog, three_candidates: None, q: str, order: str
    ) -> None:
        years = [1990, None, 2003, 1985, 2003, None, 1971, 2010]
        books = {str(catalog.add(f"Robots {n}", publication_year=year)): year for n, year in enumerate(years)}
        catalog.add("Elephants", publication_year=1990)
        asked = {"q": q, "sort": "publication_year", "order": order, "limit": 3}

        pages = [ids_found(student, page=page, **asked) for page in (1, 2, 3, 4)]

        assert [len(page) for page in pages] == [3, 3, 2, 0]
        shown = [books[one] for page in pages for one in page]
        told = [year for year in shown if year is not None]
        assert told == sorted(told, reverse=order == "desc")
        assert shown[len(told):] == [None, None]
        assert {one for page in pages for one in page} == set(books)

    @pytest.mark.parametrize("asked", [{"q": "robots"}, {"q": "robot"}, {"title": "robots"}, {"shelf_location": "QA"}])
    @pytest.mark.parametrize(("matching", "lent"), [(4, 1), (5, 0), (5, 2), (8, 4), (8, 7)])
    def test_those_of_a_status_are_counted_and_sorted_whether_many_have_it_or_few(
        self, student: Api, catalog: Catalog, three_candidates: None, matching: int, lent: int, asked: dict[str, str]
    ) -> None:
        books: dict[str, list[tuple[int | None, str]]] = {"CHECKED_OUT": [], "AVAILABLE": []}
        for n in range(matching):
            status = CopyStatus.CHECKED_OUT if n < lent else CopyStatus.AVAILABLE
            year = (1990, None, 2003, 1990)[n % 4]
            books[status].append((year, str(catalog.add(f"Robots {n}", copies=(status,), publication_year=year))))
        catalog.add("Elephants", shelf_location=None, publication_year=1990)

        for order, last in (("asc", inf), ("desc", -inf)):
            for status, having in books.items():
                listed = {**asked, "sort": "publication_year", "order": order, "status": status, "limit": 3}
                answers = [student.get("/books", params={**listed, "page": page}).json() for page in (1, 2, 3, 4)]
                by_year = sorted(((year or last, book) for year, book in having), reverse=order == "desc")
                assert [book["id"] for answer in answers for book in answer["data"]] == [book for _, book in by_year]
                told = {(one["pagination"]["total"], one["pagination"]["total_capped"]) for one in answers}
                assert told == {(min(len(having), 3), len(having) > 3)}


class TestSorts:
    @pytest.mark.parametrize(
        ("sort", "order", "expected"),
        [
            ("title", "asc", ["Anna", "Beta", "Gamma"]),
            ("title", "desc", ["Gamma", "Beta", "Anna"]),
            ("author", "asc", ["Beta", "Gamma", "Anna"]),
            ("author", "desc", ["Gamma", "Beta", "Anna"]),
            ("publication_year", "asc", ["Gamma", "Anna", "Beta"]),
            ("publication_year", "desc", ["Anna", "Gamma", "Beta"]),
        ],
    )
    def test_what_lacks_a_value_comes_last_both_ways(
        self, student: Api, catalog: Catalog, sort: str, order: str, expected: list[str]
    ) -> None:
        catalog.add("Anna", publication_year=1999)
        catalog.add("Beta", author="Austen, Jane")
        catalog.add("Gamma", author="Čapek, Karel", publication_year=1920)

        assert titles(student, sort=sort, order=order) == expected


class TestMistyped:
    @pytest.fixture
    def history(self, catalog: Catalog) -> None:
        for _ in range(3):
            catalog.add("A History of Robots")
        catalog.add("The Histories", author="Herodotus")

    @pytest.mark.parametrize(
        ("typed", "corrected"),
        [
            ("hsitory", "history"),
            ("histroy of robtos", "history of robots"),
            ("History Robosts", "History robots"),
            ("herodotsu", "herodotus"),
        ],
    )
    def test_an_unknown_word_is_read_as_the_known_one_that_is_nearest(
        self, student: Api, history: None, typed: str, corrected: str
    ) -> None:
        answer = student.get("/books", params={"q": typed}).json()

        assert answer["meta"]["corrected_query"] == corrected
        assert answer["data"]

    def test_a_last_word_that_is_not_finished_stays_so(self, student: Api, history: None, catalog: Catalog) -> None:
        catalog.add("The Robot")

        answer = student.get("/books", params={"q": "hsitory robo"}).json()

        assert [book["title"] for book in answer["data"]] == ["A History of Robots"] * 3

    def test_a_last_word_that_only_a_deleted_title_had_whole_is_the_beginning_of_another(
        self, student: Api, librarian: Api, history: None, catalog: Catalog
    ) -> None:
        data(librarian.delete(f"/books/{catalog.add('Ornithology')}"))
        catalog.add("History for ornithologists")

        answer = student.get("/books", params={"q": "hsitory ornitholog"}).json()

        assert [book["title"] for book in answer["data"]] == ["History for ornithologists"]

    @pytest.mark.parametrize("typed", ["history herodotus", "qqqqqqqqq", "xyz", "12345", "ab"])
    def test_nothing_is_made_up(self, student: Api, history: None, typed: str) -> None:
        answer = student.get("/books", params={"q": typed}).json()

        assert answer["data"] == []
        assert "corrected_query" not in answer["meta"]

    def test_what_is_found_is_not_corrected(self, student: Api, history: None) -> None:
        assert "corrected_query" not in student.get("/books", params={"q": "histor"}).json()["meta"]

    def test_a_word_that_only_a_deleted_title_had_is_no_correction(self, librarian: Api, catalog: Catalog) -> None:
        data(librarian.delete(f"/books/{catalog.add('Ornithology')}"))

        answer = librarian.get("/books", params={"q": "ornithologgy"}).json()

        assert (answer["data"], "corrected_query" in answer["meta"]) == ([], False)


class TestSuggestions:
    def texts(self, api: Api, q: str) -> list[tuple[str, str]]:
        return [(one["kind"], one["text"]) for one in data(api.get("/books/suggestions", params={"q": q}))]

    def test_what_begins_so_comes_first_then_what_has_the_words(self, student: Api, catalog: Catalog) -> None:
        catalog.add("A history of robots")
        catalog.add("Robots and people", author="Robinson, Kim")
        catalog.add("Robots and people")
        catalog.add("Other")

        assert self.texts(student, "rob") == [
            ("TITLE", "Robots and people"), ("AUTHOR", "Robinson, Kim"), ("TITLE", "A history of robots"),
        ]  # fmt: skip

    def test_a_title_in_its_own_script_is_completed_too(self, student: Api, catalog: Catalog) -> None:
        catalog.add("Война и мир", title_romanized="Voĭna i mir")

        assert self.texts(student, "вой") == self.texts(student, "Voi") == [("TITLE", "Война и мир")]

    def test_there_are_at_most_ten(self, student: Api, catalog: Catalog) -> None:
        for number in range(30):
            catalog.add(f"Robots {number:02}", author=f"Robinson {number}")

        assert len(self.texts(student, "r")) == 10

    @pytest.mark.parametrize("q", ["%", "_", "!!", "'"])
    def test_what_is_no_word_completes_to_nothing(self, student: Api, catalog: Catalog, q: str) -> None:
        catalog.add("Robots")

        assert self.texts(student, q) == []


class TestStats:
    def test_figures_of_the_catalog(self, student: Api, librarian: Api, catalog: Catalog) -> None:
        catalog.add("Old", copies=2)
        gone = catalog.add("Gone")
        catalog.add("None", copies=0)
        data(librarian.delete(f"/books/{gone}"))

        stats = data(student.get("/books/stats"))

        assert (stats["titles_total"], stats["copies_total"]) == (2, 2)
        assert stats["titles_by_status"] == {"AVAILABLE": 1, "RESERVED": 0, "CHECKED_OUT": 0, "UNAVAILABLE": 1}
        assert [book["title"] for book in stats["newest"]] == ["None", "Old"]
        assert stats["most_requested"] == []


def test_folding_is_the_same_however_a_text_is_composed(session_factory: SessionFactory) -> None:
    composed = "Voĭna Ἀχαρνῆς がぎ 한국 भाषा"
    decomposed = unicodedata.normalize("NFD", composed)
    with transaction(session_factory) as session:
        one, other = lists.state(session, [composed, decomposed]).folded

    assert one == other == "voina αχαρνησ が ぎ 한국 भाषा"
