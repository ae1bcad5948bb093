"""CSV and JSON Lines: which encoding, which separator, which rows, and what is wrong with the others."""

import io
import json

import pytest

from luna_web.book.exports import COLUMNS, csv_batch, csv_head, jsonl_batch
from luna_web.book.imports.batches import batches
from luna_web.book.imports.domain import FileFault, ImportFormat, ImportOptions, Rejected
from luna_web.book.imports.readers.base import Reader
from luna_web.book.imports.readers.csv_reader import MAX_BROKEN
from luna_web.book.imports.readers.opening import open_reader
from luna_web.shared.csv_cells import defused
from tests.unit.web.book.imports.files import csv_file, jsonl_file

ROWS = [
    {"Title": "Élan vital", "Author": "Čapek, Karel", "Year": "1920"},
    {"Title": "Straße; und, Weg", "Author": "Groß, Jürgen", "Year": "1999"},
]


def opened(content: bytes, form: ImportFormat = ImportFormat.CSV, **options: object) -> Reader:
    return open_reader(form, io.BytesIO(content), len(content), ImportOptions.model_validate(options), 2027)


def titles(reader: Reader) -> list[str]:
    """The titles that land; of a rejected one its reason."""
    found = []
    for item in reader.items():
        try:
            found.append(reader.describe(item.content).book.title)
        except Rejected as refused:
            found.append(f"! {refused.remark.reason}")
    return found


def lines(reader: Reader) -> list[int | None]:
    return [item.line for item in reader.items()]


class TestEncodingAndSeparator:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_unicode_and_the_separator_are_found_out(self, encoding: str, separator: str) -> None:
        reader = opened(csv_file(ROWS, separator=separator, encoding=encoding))

        assert titles(reader) == ["Élan vital", "Straße; und, Weg"]
        assert reader.detected.separator == separator
        assert reader.detected.encoding is not None
        assert reader.detected.encoding.startswith(encoding[:6])

    def test_an_older_encoding_is_found_out(self) -> None:
        rows = [{"Название": "Война и мир", "Автор": "Толстой, Лев", "Год": str(year)} for year in range(1870, 1900)]
        reader = opened(csv_file(rows, separator=";", encoding="cp1251"))

        assert set(titles(reader)) == {"Война и мир"}
        assert reader.detected.encoding == "cp1251"

    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ("El año de la ñ; ¿Qué pasó?", "cp1252"),
            ("Straße der Träume", "cp1252"),
            ("L’été à Nîmes – œuvres", "cp1252"),
            ("Żółta łódź i inne baśnie", "cp1250"),
            ("Příliš žluťoučký kůň", "cp1250"),
            ("Şeker Portakalı ve ağaç", "cp1254"),
            ("Größe und Übermut", "mac_roman"),
            ("Größe und Übermut", "cp850"),
            ("Преступление и наказание: роман в шести частях с эпилогом", "koi8_r"),
            ("日本の愚かな構図", "shift_jis"),
            ("中国古典小说审美论", "gb18030"),
        ],
    )
    def test_older_encodings_are_told_apart_by_their_letters(self, text: str, encoding: str) -> None:
        content = csv_file([{"title": text, "author": "A"}] * 20, separator="|", encoding=encoding)

        assert set(titles(opened(content))) == {text}

    def test_one_that_is_told_goes_before(self) -> None:
        content = csv_file([{"title": "naïve"}], encoding="latin-1")

        assert titles(opened(content, encoding="latin-1")) == ["naïve"]
        (reason,) = titles(opened(content, encoding="utf-8"))
        assert reason == "! contains bytes that are no text in the encoding of the file"

    def test_excels_mark_names_the_separator(self) -> None:
        reader = opened(b"sep=^\r\ntitle^author\r\nDune, one^Herbert\r\n")

        assert (titles(reader), reader.detected.separator) == (["Dune, one"], "^")

    def test_a_table_of_one_column(self) -> None:
        assert titles(opened(b"title\nDune\nEmma\n")) == ["Dune", "Emma"]

    @pytest.mark.parametrize("encoding", ["klingon", "base64", "punycode", "a\x00b"])
    def test_what_is_no_encoding_is_told_so(self, encoding: str) -> None:
        with pytest.raises(FileFault, match="there is no text encoding"):
            opened(b"title\nDune\n", encoding=encoding)

    def test_what_was_found_out_is_shown_with_the_columns(self) -> None:
        reader = opened(b"Title,Price,Author\nDune,9.95,Herbert\n")

        assert reader.detected.columns is not None
        assert [(one.name, one.field) for one in reader.detected.columns] == [
            ("Title", "title"), ("Price", None), ("Author", "author"),
        ]  # fmt: skip
        assert [(one.field, one.record) for one in reader.problems] == [("Price", None)]


class TestRows:
    def test_a_cell_may_have_lines_and_the_next_row_knows_its_own(self) -> None:
        content = b'title,description\n"Dune","one\ntwo"\n\nEmma,three\n'

        assert titles(opened(content)) == ["Dune", "Emma"]
        assert lines(opened(content)) == [2, 5]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_every_end_of_line(self, end: str) -> None:
        assert titles(opened(end.join(["title,author", "Dune,Herbert", "Emma,Austen"]).encode())) == ["Dune", "Emma"]

    def test_a_row_with_too_many_cells_is_rejected_and_empty_ones_do_not_count(self) -> None:
        found = titles(opened(b"title,author\nDune,Herbert,,\nEmma,Austen,Jane\nKim\n"))

        assert found == [
            "Dune",
            "! has 3 cells where the header has 2; is a text with a separator in it not quoted?",
            "Kim",
        ]

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ('"Dune,Herbert', "a quote is opened here and never closed"),
            ('"The "Big" Book",Herbert', "a quote inside of a quoted cell must be written twice"),
        ],
    )
    def test_a_broken_quote_costs_its_own_row_only(self, broken: str, reason: str) -> None:
        content = f"title,author\nBefore,A\n{broken}\nAfter,B\nLast,C\n".encode()

        assert titles(opened(content)) == ["Before", f"! {reason}", "After", "Last"]
        assert lines(opened(content)) == [2, 3, 4, 5]

    def test_a_quote_that_would_swallow_the_file_costs_its_own_row_only(self) -> None:
        rest = "".join(f"Volume {number},A\n" for number in range(20_000))
        found = titles(opened(f'title,author\n"Dune,Herbert\n{rest}'.encode()))

        assert found[0].startswith("! a cell of more than 131,072 characters")
        assert found[1:] == [f"Volume {number}" for number in range(20_000)]

    def test_a_file_of_broken_quotes_is_given_up(self) -> None:
        reader = opened(b"title,author\n" + b'"a"b,c\n' * (MAX_BROKEN + 1))

        with pytest.raises(FileFault, match="more than 1,000 rows have broken quotes"):
            titles(reader)

    def test_nuls_reject_their_row(self) -> None:
        found = titles(opened(b"title,author\nDu\x00ne,Herbert\nEmma,Austen\n"))

        assert found == ["! contains NUL characters; the file is damaged or no text file", "Emma"]

    def test_a_line_that_is_too_long_is_passed_over(self) -> None:
        found = titles(opened(b"title,author\nDune," + b"x" * 3_000_000 + b"\nEmma,Austen\n"))

        assert found == ["! a line of more than 1,048,576 characters", "Emma"]

    def test_a_million_columns_are_refused(self) -> None:
        with pytest.raises(FileFault, match="the header has 1,000,001 columns; at most 1,000"):
            opened(b"t" + b"," * 1_000_000 + b"\n")

    @pytest.mark.parametrize("content", [b"", b"\n\n", b" \n"])
    def test_an_empty_file_is_told_so(self, content: bytes) -> None:
        with pytest.raises(FileFault):
            opened(content)


class TestJsonLines:
    def found(self, *rows: str, **options: object) -> list[str]:
        return titles(opened("\n".join(rows).encode("utf-8", "surrogatepass"), ImportFormat.JSONL, **options))

    def test_members_are_columns(self) -> None:
        row = {"Title": "Dune", "authors": ["Herbert, Frank", "Herbert, Brian"], "isbn": ["0441172717"], "year": 1965}
        reader = opened(json.dumps(row).encode(), ImportFormat.JSONL)

        (item,) = reader.items()
        book = reader.describe(item.content).book
        assert (book.author, book.isbn13, book.publication_year) == (
            "Herbert, Frank; Herbert, Brian", "9780441172719", 1965,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("nonsense", "is no JSON"),
            ("[1]", "must be a JSON object in braces"),
            ('{"title": "a", "title": "b"}', "a member comes twice"),
            ('{"title": {"main": "a"}}', "must be a text, a number, or a list of texts"),
            ('{"title": true}', "must be a text, a number, or a list of texts"),
            ('{"title": "a\\u0000b"}', "contains NUL characters"),
            ('{"title": "\\ud800"}', "contains bytes that are no text"),
            ('{"title": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deep"),
            ('{"title": "a", "copies": ' + "9" * 1_000_000 + "}", "must be a whole number from 0 to 999"),
            ('{"title": "' + "x" * 2_000_000 + '"}', "a line of more than 1,048,576 characters"),
        ],
    )
    def test_a_line_that_is_wrong_is_rejected_with_why(self, line: str, reason: str) -> None:
        before, rejected, after = self.found('{"title": "Before"}', line, '{"title": "After"}')

        assert (before, after) == ("Before", "After")
        assert rejected.startswith(f"! {reason}")

    def test_an_array_is_told_what_json_lines_are(self) -> None:
        with pytest.raises(FileFault, match="one object a line"):
            self.found('[{"title": "Dune"}]')

    def test_bytes_that_are_no_utf8_reject_their_line(self) -> None:
        reader = opened(b'{"title": "A"}\n{"title": "\xe9"}\n', ImportFormat.JSONL, encoding="utf-8")

        assert titles(reader) == ["A", "! contains bytes that are no text in the encoding of the file"]


@pytest.mark.parametrize("title", ["-isms", "'-isms", "=1+1", "'t Hooft", "@home"])
def test_a_cell_that_an_export_made_harmless_is_read_as_what_it_was(title: str) -> None:
    assert titles(opened(csv_file([{"Title": defused(title)}]))) == [title]


def test_a_mapped_member_goes_before_one_of_the_same_field() -> None:
    content = jsonl_file([{"title": "Faust", "Titel2": "Faust I"}])

    assert titles(opened(content, ImportFormat.JSONL, mapping={"Titel2": "title"})) == ["Faust I"]


@pytest.mark.parametrize("form", [ImportFormat.CSV, ImportFormat.JSONL])
def test_what_was_exported_is_read_as_it_was(form: ImportFormat) -> None:
    told = {
        "title": "-isms", "author": "=Cicero; Caesar", "isbn": "978-0-441-17271-9", "isbns_invalid": ["123", "04411"],
        "description": "Of sand.\n\n-and of worms.", "publication_year": 1965, "call_number": "@1",
    }  # fmt: skip
    record = dict.fromkeys(COLUMNS) | {"isbns_invalid": []} | told
    content = csv_head() + csv_batch([record]) if form is ImportFormat.CSV else jsonl_batch([record])

    reader = opened(content.encode(), form)

    (item,) = reader.items()
    book = reader.describe(item.content).book
    assert (book.isbn13, book.isbns_invalid) == ("9780441172719", ("123", "04411"))
    assert {name: getattr(book, name) for name in told if "isbn" not in name} == {
        name: value for name, value in told.items() if "isbn" not in name
    }


def test_a_header_in_another_encoding_than_the_one_told_is_told_so() -> None:
    with pytest.raises(FileFault, match="no text in the encoding of the file"):
        opened("Title,Größe\r\nDune,1\r\n".encode("latin-1"), encoding="utf-8")


def test_a_batch_asks_for_no_more_copies_than_one_statement_can_write() -> None:
    reader = opened(csv_file([{"Title": f"Volume {number}", "Copies": 999} for number in range(100)]))

    sizes = [sum(entry.described.copies.count for entry in batch.entries) for batch in batches(reader, 0, int, 1000)]

    assert sum(sizes) == 99_900
    assert max(sizes) < 25_000
