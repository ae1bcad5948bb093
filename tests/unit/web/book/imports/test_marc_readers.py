"""MARC 21 and MARCXML: real records, and records that are broken in every way they are broken out in the world."""

import io
from pathlib import Path

import pytest
from pymarc import MARCReader, Record

from luna_web.book.imports.batches import batches
from luna_web.book.imports.bibliographic import describe_record
from luna_web.book.imports.domain import Barcoded, CopyWish, Described, FileFault, ImportFormat, ImportOptions, Rejected
from luna_web.book.imports.readers.marc_reader import MAX_RECORD, decoded, frames
from luna_web.book.imports.readers.opening import open_reader
from luna_web.book.marc import catalog_record
from tests.unit.web.book.imports.files import field, marc_file, marcxml_file, record, title_record

REAL = Path(__file__).resolve().parents[4] / "fixtures" / "loc-records.mrc"
DUNE = title_record("Dune")


def read(content: bytes, form: ImportFormat = ImportFormat.MARC, **options: object) -> list[Described | str]:
    """What lands; of a rejected record its reason."""
    reader = open_reader(form, io.BytesIO(content), len(content), ImportOptions.model_validate(options), 2027)
    found: list[Described | str] = []
    for item in reader.items():
        try:
            found.append(reader.describe(item.content))
        except Rejected as refused:
            found.append(f"! {refused.remark.field}: {refused.remark.reason}")
    return found


def titles(content: bytes, form: ImportFormat = ImportFormat.MARC, **options: object) -> list[str]:
    return [one if isinstance(one, str) else one.book.title for one in read(content, form, **options)]


def with_leader(one: Record, **places: str) -> Record:
    """`with_leader(record, at9=" ")`: a character of the leader changed."""
    for place, char in places.items():
        one.leader[int(place.removeprefix("at"))] = char
    return one


class TestRealRecords:
    def test_they_are_read_as_pymarc_reads_them(self) -> None:
        with REAL.open("rb") as source:
            expected = [catalog_record(one) for one in MARCReader(source, to_unicode=True) if one is not None]

        found = read(REAL.read_bytes())

        assert [one.book for one in found if isinstance(one, Described)] == expected
        assert len(expected) > 30

    def test_as_marcxml_they_are_the_same(self) -> None:
        with REAL.open("rb") as source:
            records = [one for one in MARCReader(source, to_unicode=True) if one is not None]

        for prefix in ("", "marc:"):
            assert read(marcxml_file(records, prefix=prefix), ImportFormat.MARCXML) == read(REAL.read_bytes())


class TestFrames:
    def test_what_lies_between_records_is_nothing(self) -> None:
        one = DUNE.as_marc()

        assert titles(b"\xef\xbb\xbf" + one + b"\r\n" + one + b"\n\x1a\x00") == ["Dune", "Dune"]

    def test_a_file_that_ends_in_a_record(self) -> None:
        content = marc_file([DUNE, DUNE])[:-20]

        assert titles(content) == ["Dune", "! None: the file ends in the middle of this record"]

    def test_a_wrong_length_in_the_leader_is_no_matter(self) -> None:
        one = DUNE.as_marc()

        assert titles(b"00042" + one[5:] + b"99999" + one[5:] + b"     " + one[5:]) == ["Dune"] * 3

    def test_what_is_no_record_costs_only_itself(self) -> None:
        found = titles(DUNE.as_marc() + b"garbage in between\x1d" + DUNE.as_marc())

        assert found == ["Dune", "! leader: is no MARC record: it has no leader of 24 characters", "Dune"]

    def test_without_an_end_nothing_grows(self) -> None:
        first, second = frames(io.BytesIO(b"0" * (3 * MAX_RECORD) + b"\x1d" + DUNE.as_marc()))

        assert not isinstance(first, bytes)
        assert first.reason.startswith("a record of more than 1,048,576 bytes")
        assert second == DUNE.as_marc()

    def test_a_single_line_of_many_megabytes_is_one_error(self) -> None:
        (only,) = frames(io.BytesIO(b"0" * (20 * MAX_RECORD)))

        assert not isinstance(only, bytes)


class TestDirectory:
    def test_a_wrong_offset_is_put_right_by_the_order_of_fields(self) -> None:
        one = record(field("020", "a", "0441172717"), field("245", "a", "Dune /"), control="dune-1").as_marc()
        wrong = one[:24] + one[24:31] + b"00077" + one[36:]

        (found,) = read(wrong)

        assert isinstance(found, Described)
        assert (found.book.title, found.book.isbn13, found.book.control_number) == ("Dune", "9780441172719", "dune-1")

    def test_a_directory_that_names_other_fields_than_there_are_is_refused(self) -> None:
        one = DUNE.as_marc()
        wrong = one[:24] + b"100000500000" + one[24:]

        assert titles(wrong) == ["! leader: the directory does not fit: it names 2 fields, and there are 1"]

    @pytest.mark.parametrize("directory", [b"24500070", b"", b"\xff\xff\xff000700000", b"2\x00\x00000700000"])
    def test_a_broken_directory_is_refused(self, directory: bytes) -> None:
        (found,) = titles(b"00099nam a2200049   4500" + directory + b"\x1e00\x1faDune\x1e\x1d")

        assert found.startswith("! leader: the directory")

    def test_a_record_of_more_than_99999_bytes_is_read_by_the_order_of_its_fields(self) -> None:
        parts = [b"  \x1fa" + b"x" * 9_000] * 15 + [b"10\x1faDune /"]
        directory = (
            b"".join(b"520" + b"9004" + b"%05d" % (9005 * place % 99999) for place in range(15)) + b"245001235000"
        )
        one = b"99999nam a2200217   4500" + directory + b"\x1e" + b"\x1e".join(parts) + b"\x1e\x1d"
        assert len(one) > 99_999

        assert titles(one) == ["Dune"]


class TestLeader:
    @pytest.mark.parametrize(
        ("place", "char", "says"),
        [
            ("at6", "z", "is an authority record"),
            ("at6", "x", "is a holdings record"),
            ("at5", "d", "is marked as deleted"),
        ],
    )
    @pytest.mark.parametrize("form", [ImportFormat.MARC, ImportFormat.MARCXML])
    def test_what_is_no_title_or_none_any_more_is_refused(
        self, place: str, char: str, says: str, form: ImportFormat
    ) -> None:
        one = with_leader(title_record("Dune"), **{place: char})
        content = marc_file([one]) if form is ImportFormat.MARC else marcxml_file([one])

        (found,) = titles(content, form)

        assert found.startswith(f"! leader: {says}")


class TestEncoding:
    MARC8 = b"00071nam  2200037   4500" + b"245002100000\x1e" + b"10\x1faCaf\xe2e \xe8uber alles\x1e\x1d"

    def test_marc_8_is_read_where_the_leader_says_so(self) -> None:
        assert titles(self.MARC8) == ["Café über alles"]

    def test_other_scripts_of_marc_8(self) -> None:
        cyrillic = b"\x1b(NwOJNA I MIR\x1b(B"
        data = b"10\x1fa" + cyrillic
        one = b"00071nam  2200037   4500" + b"245%04d00000\x1e" % (len(data) + 1) + data + b"\x1e\x1d"

        assert titles(one) == ["Война и мир"]

    def test_utf_8_that_the_leader_is_silent_about_is_seen(self) -> None:
        one = title_record("Élan").as_marc()

        assert titles(one[:9] + b" " + one[10:]) == ["Élan"]

    def test_what_is_not_in_its_encoding_is_refused_and_can_be_told(self) -> None:
        wrong = self.MARC8[:9] + b"a" + self.MARC8[10:]

        assert titles(wrong) == [
            "! 245: is not in UTF-8, as it should be; if the leader is wrong, say ?encoding=marc-8"
        ]
        assert titles(wrong, encoding="marc-8") == ["Café über alles"]

    def test_latin_1_can_be_told(self) -> None:
        data = b"10\x1faCaf\xe9"
        one = b"00071nam  2200037   4500" + b"245%04d00000\x1e" % (len(data) + 1) + data + b"\x1e\x1d"

        assert titles(one, encoding="latin-1") == ["Café"]


class TestDescribing:
    def test_an_original_script_without_a_transcription_is_the_title(self) -> None:
        made = describe_record(
            record(field("880", "6", "245-00/$1", "a", "香港故事 /"), field("880", "6", "100-00/$1", "a", "小思,")),
            2027,
        )

        assert (made.book.title, made.book.title_romanized, made.book.author) == ("香港故事", None, "小思")

    def test_a_record_without_a_title_is_rejected(self) -> None:
        with pytest.raises(Rejected, match="no title"):
            describe_record(record(field("245", "c", "by nobody")), 2027)

    def test_isbns_with_qualifiers_prices_and_wrong_digits(self) -> None:
        made = describe_record(
            record(
                field("020", "a", "0441172718 (v. 1)"),
                field("020", "a", "0441172717 (pbk.) :", "c", "$9.95"),
                field("020", "a", "9780141439587 (hbk.)"),
                field("020", "z", "0000000001"),
                field("245", "a", "Dune"),
            ),
            2027,
        )

        book = made.book
        assert (book.isbn13, book.isbn_given) == ("9780441172719", "0441172717")
        assert (book.isbns_other, book.isbns_invalid) == (("9780141439587",), ("0441172718", "0000000001"))
        assert [(one.field, one.value) for one in made.remarks] == [("isbn", "0441172718")]

    @pytest.mark.parametrize(
        ("coded", "imprint", "year", "remarked"),
        [
            ("850101s1984    ", "1984.", 1984, None),
            ("850101s19uu    ", "[198-?]", None, "[198-?]"),
            ("850101s2999    ", "2999.", None, "2999."),
            ("850101s    uuuu", "c1998.", 1998, None),
            ("850101suuuuuuuu", "1424 [2003]", 2003, None),
            ("850101s2031    ", "2031.", None, "2031"),
            ("", "昭和50 [1975]", 1975, None),
            ("", "Meiji 30", 1897, None),
        ],
    )
    def test_dates(self, coded: str, imprint: str, year: int | None, remarked: str | None) -> None:
        made = describe_record(
            record(field("245", "a", "Dune"), field("260", "c", imprint), coded=coded.ljust(40) if coded else None),
            2027,
        )

        assert made.book.publication_year == year
        assert [one.value for one in made.remarks] == ([remarked] if remarked else [])

    def test_a_text_that_is_too_long_is_cut_with_a_remark(self) -> None:
        made = describe_record(record(field("245", "a", "x" * 5000)), 2027)

        assert len(made.book.title) == 1000
        assert [one.reason for one in made.remarks] == ["cut from 5,000 to 1,000 characters"]

    def test_holdings_are_copies(self) -> None:
        made = describe_record(
            record(
                field("245", "a", "Dune"),
                field("852", "b", "MAIN", "h", "PS3558", "i", ".E63 D8", "p", "B0001"),
                field("852", "c", "Reading room.", "p", "B0002"),
                field("852", "j", "Shelf 7"),
            ),
            2027,
        )

        assert made.copies == CopyWish(
            (Barcoded("B0001", "PS3558 .E63 D8"), Barcoded("B0002", "Reading room")), 3, "Shelf 7"
        )

    def test_only_the_fields_that_count_are_read(self) -> None:
        one = record(field("245", "a", "Dune"), field("650", "a", "Deserts"), field("999", "a", "x")).as_marc()

        assert [part.tag for part in decoded(one, None).fields] == ["245"]


class TestMarcXml:
    def file(self, inner: str, *, root: str = "collection") -> bytes:
        return f'<?xml version="1.0"?><{root} xmlns="http://www.loc.gov/MARC21/slim">{inner}</{root}>'.encode()

    RECORD = (
        "<record><leader>00000nam a2200000 a 4500</leader>"
        '<datafield tag="245" ind1="1" ind2="0"><subfield code="a">Dune &amp; sand</subfield></datafield></record>'
    )

    def test_a_record_alone_is_a_file_too(self) -> None:
        assert titles(self.RECORD.encode(), ImportFormat.MARCXML) == ["Dune & sand"]

    @pytest.mark.parametrize(
        "dtd",
        [
            '<!DOCTYPE a [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">]>',
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE a SYSTEM "http://127.0.0.1/evil.dtd">',
        ],
    )
    def test_what_declares_entities_or_a_dtd_is_refused(self, dtd: str) -> None:
        content = f'<?xml version="1.0"?>{dtd}<collection>{self.RECORD}</collection>'.encode()

        with pytest.raises(FileFault, match="remove its DTD"):
            titles(content, ImportFormat.MARCXML)

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"<collection><record>", "not well-formed at line 1"),
            (b"<html><body/></html>", "there is no record in this XML"),
            (b"<a>" * 40, "nested more than 32 deep"),
            (b"<a b='" + b"x" * 6_000_000, "without an element"),
            (b"<!--" + b"x" * 6_000_000, "without an element"),
            (b'<?xml version="1.0" encoding="klingon"?><collection/>', "the XML"),
        ],
    )
    def test_what_is_no_marcxml_is_told_so(self, content: bytes, says: str) -> None:
        with pytest.raises(FileFault, match=says):
            titles(content, ImportFormat.MARCXML)

    def test_a_field_of_many_megabytes_rejects_its_record(self) -> None:
        huge = f'<record><datafield tag="245"><subfield code="a">{"x" * 10_000_000}</subfield></datafield></record>'

        found = titles(self.file(self.RECORD + huge + self.RECORD), ImportFormat.MARCXML)

        assert found == ["Dune & sand", "! None: a record of more than 1,048,576 characters", "Dune & sand"]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (marc_file([DUNE]).replace(b"nam ", b"d\x00m ", 1), ImportFormat.MARC),
        (marcxml_file([DUNE]).replace(b"nam ", b"dam " + b"x" * 300, 1), ImportFormat.MARCXML),
    ],
)
def test_of_a_leader_that_is_refused_no_more_is_shown_than_can_be_stored(content: bytes, form: ImportFormat) -> None:
    reader = open_reader(form, io.BytesIO(content), len(content), ImportOptions(), 2027)

    (batch,) = batches(reader, 0, lambda: None, 10)

    (refused,) = batch.problems
    assert refused.field == "leader"
    assert refused.value
    assert len(refused.value) <= 200
    assert "\x00" not in refused.value
