"""MARC 21 records as titles."""

import json

import pytest
from pymarc import Field, Indicators, Record, Subfield

from luna_web.book.marc import CatalogRecord, catalog_record, clean, trimmed
from luna_web.book.seed import SEED


def field(tag: str, *parts: str, indicators: str = "  ") -> Field:
    """`field("245", "a", "Dune /", "c", "Frank Herbert.")`."""
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return Field(tag, Indicators(*indicators), [Subfield(code, value) for code, value in pairs])


def read(*fields: Field, control: str = "00012345", coded: str = "") -> CatalogRecord:
    coded_fields = [Field("008", data=coded)] if coded else []
    record = Record(fields=[Field("001", data=f"   {control} "), *coded_fields, *fields])
    title = catalog_record(record)
    assert title is not None
    return title


TITLE = field("245", "a", "Dune /", "c", "Frank Herbert.")


class TestTitle:
    @pytest.mark.parametrize(
        ("parts", "title"),
        [
            (("a", "Dune /", "c", "Frank Herbert."), "Dune"),
            (("a", "Painless Windows :", "b", "a handbook /", "c", "J. Gilmore."), "Painless Windows: a handbook"),
            (("a", "Faust.", "n", "Part one."), "Faust. Part one"),
            (("a", "Diario histórico ;", "c", "por C. B."), "Diario histórico"),
            (("a", "[Letters]"), "Letters"),
            (("a", "He tong fa =", "b", "Hetongfa /"), "He tong fa"),
            (("a", "Harry S. Truman and the U.S.A."), "Harry S. Truman and the U.S.A."),
            (
                (
                    "a",
                    "What next ...",
                ),
                "What next ...",
            ),
            (("a", "A\u00a0\u3000wide   space /"), "A wide space"),
            (("6", "880-01", "a", "Only romanized /"), "Only romanized"),
        ],
    )
    def test_isbd_punctuation_is_trimmed(self, parts: tuple[str, ...], title: str) -> None:
        assert read(field("245", *parts)).title == title

    def test_a_title_in_its_own_script_comes_with_its_transcription(self) -> None:
        made = read(
            field("245", "6", "880-02", "a", "Xianggang gu shi /", "c", "Xiaosi zhu."),
            field("880", "6", "250-01/$1", "a", "第1版."),
            field("880", "6", "245-02/$1", "a", "香港故事 /", "c", "小思著."),
        )

        assert (made.title, made.title_romanized) == ("香港故事", "Xianggang gu shi")

    def test_an_880_that_is_linked_to_nothing_is_not_taken(self) -> None:
        made = read(field("245", "6", "880-00", "a", "A title"), field("880", "6", "245-00/$1", "a", "別"))

        assert (made.title, made.title_romanized) == ("A title", None)

    def test_a_record_without_a_title_is_none(self) -> None:
        assert catalog_record(Record(fields=[field("100", "a", "Nobody")])) is None


class TestAuthor:
    def test_a_person_without_dates_and_comma(self) -> None:
        assert read(TITLE, field("100", "a", "Strong, Cyprian,", "d", "1743-1811.")).author == "Strong, Cyprian"

    def test_an_initial_keeps_its_full_stop(self) -> None:
        assert read(TITLE, field("100", "a", "Rehg, James A.")).author == "Rehg, James A."

    def test_a_body_with_its_department(self) -> None:
        assert read(TITLE, field("110", "a", "China.", "b", "Ministry of Books.")).author == "China. Ministry of Books"

    def test_without_a_main_entry_the_first_added_one(self) -> None:
        made = read(TITLE, field("700", "a", "Smith, A.,", "e", "ed."), field("700", "a", "Jones, B."))

        assert made.author == "Smith, A."

    def test_the_collection_of_one_library_wrote_nothing(self) -> None:
        assert read(TITLE, field("710", "a", "American Imprint Collection.", "5", "DLC")).author is None

    def test_a_name_in_its_own_script(self) -> None:
        made = read(
            TITLE,
            field("100", "6", "880-01", "a", "Xiaosi,", "d", "1939-"),
            field("880", "6", "100-01/$1", "a", "小思,"),
        )

        assert (made.author, made.author_romanized) == ("小思", "Xiaosi")


class TestNumbers:
    def test_the_first_right_isbn_is_taken_and_the_wrong_ones_kept_apart(self) -> None:
        made = read(
            TITLE,
            field("020", "a", "0441172718 (pbk.)"),
            field("020", "a", "0441172717 (alk. paper) :", "c", "$9.95"),
            field("020", "z", "978044117271"),
        )

        assert (made.isbn13, made.isbn_given) == ("9780441172719", "0441172717")
        assert made.isbns_invalid == ("0441172718", "978044117271")

    @pytest.mark.parametrize(
        ("coded", "imprint", "year"),
        [
            ("810227s1793    mau" + " " * 22, "c1801.", 1793),
            ("810227suuuu    mau" + " " * 22, "[not before 1847]", 1847),
            ("", "Heisei 11 [1999]", 1999),
            ("", "[18--?]", None),
        ],
    )
    def test_the_year_is_the_coded_one_else_that_of_the_imprint(
        self, coded: str, imprint: str, year: int | None
    ) -> None:
        assert read(TITLE, field("260", "c", imprint), coded=coded).publication_year == year

    @pytest.mark.parametrize(("code", "language"), [("eng", "eng"), ("und", None), ("|||", None), ("   ", None)])
    def test_the_language(self, code: str, language: str | None) -> None:
        assert read(TITLE, coded="810227s1793    mau" + " " * 17 + code + "  ").language == language

    @pytest.mark.parametrize(
        ("fields", "call_number"),
        [
            ([field("050", "a", "QA76.76.W56", "b", "G556 1999")], "QA76.76.W56 G556 1999"),
            ([field("050", "a", "PL1 .A1", "a", "PL2 .B2", "b", "1999")], "PL1 .A1 1999"),
            ([field("082", "a", "005.4/46", "2", "21")], "005.446"),
            ([field("082", "a", "[E]")], "E"),
            ([], None),
        ],
    )
    def test_the_call_number(self, fields: list[Field], call_number: str | None) -> None:
        assert read(TITLE, *fields).call_number == call_number


class TestImprint:
    def test_the_publisher_without_its_comma(self) -> None:
        assert read(TITLE, field("260", "a", "Austin,", "b", "J. Ortega,", "c", "1896.")).publisher == "J. Ortega"

    def test_a_264_of_publication_goes_before(self) -> None:
        made = read(
            TITLE,
            field("264", "b", "The printer,", indicators=" 3"),
            field("264", "b", "The house,", indicators=" 1"),
        )

        assert made.publisher == "The house"

    @pytest.mark.parametrize("nobody", ["s.n.,", "[s.n.],", "[publisher not identified]"])
    def test_nobody_is_no_publisher(self, nobody: str) -> None:
        assert read(TITLE, field("260", "b", nobody)).publisher is None

    def test_summaries_are_the_description(self) -> None:
        made = read(
            TITLE, field("520", "a", "Of  worms."), field("520", "a", "Of  worms."), field("520", "a", "And spice.")
        )

        assert made.description == "Of worms. And spice."


class TestText:
    def test_direction_marks_and_decomposed_letters_are_put_right(self) -> None:
        assert clean("\u200fשלום\u202c  e\u0301") == "שלום é"

    @pytest.mark.parametrize(
        ("raw", "text"), [("北京 :", "北京"), ("初版．", "初版"), ("دار،", "دار"), ("Jr.", "Jr."), ("/", "")]
    )
    def test_the_punctuation_of_other_scripts_too(self, raw: str, text: str) -> None:
        assert trimmed(raw) == text


class TestSeed:
    rows = [json.loads(line) for line in SEED.read_text(encoding="utf-8").splitlines()]  # noqa: RUF012

    def test_it_is_a_catalog_of_believable_size_and_mixture(self) -> None:
        without_isbn = sum("isbn13" not in row for row in self.rows)
        in_own_script = sum("title_romanized" in row for row in self.rows)

        assert len(self.rows) >= 2_500
        assert 0.2 < without_isbn / len(self.rows) < 0.4
        assert in_own_script > 300
        assert len({row.get("language") for row in self.rows}) > 30

    def test_nothing_in_it_is_there_twice(self) -> None:
        for name in ("control_number", "isbn13"):
            values = [row[name] for row in self.rows if name in row]
            assert len(set(values)) == len(values)

    def test_every_title_is_clean(self) -> None:
        for row in self.rows:
            assert row["title"] == clean(row["title"])
            assert not row["title"].endswith(("/", ":", ";", ",", "="))
