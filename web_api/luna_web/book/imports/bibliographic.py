"""A MARC 21 record as a title with copies: what `book.marc` reads, and its holdings.

Each 852 (MARC 21 Format for Holdings Data) is a copy: $p its barcode, $k $h $i $m its call number, else $j, else the
location in $c or $b its shelf. An 852 without $p asks for one more copy, however many there are.
"""

from pymarc import Field, Record

from luna_web.book.imports.describing import MAX_COPIES, settled, shown, wrong_isbns
from luna_web.book.imports.domain import NO_WISH, Barcoded, CopyWish, Described, Rejected, Remark
from luna_web.book.marc import clean, read_record, trimmed

TAGS = frozenset({
    "001", "008", "020", "050", "082", "090", "100", "110", "111", "245", "260", "264", "520",
    "700", "710", "852", "880",
})  # fmt: skip
"""The only fields that are read at all."""
_NOT_TITLES = {
    "z": "an authority record", "u": "a holdings record", "v": "a holdings record", "x": "a holdings record",
    "y": "a holdings record", "w": "a classification record", "q": "a community information record",
}  # fmt: skip
_DELETED = "d"


def refusal_of_leader(leader: str) -> Remark | None:
    """Why a record that begins so is none to import; None if it may be."""
    if leader[6] in _NOT_TITLES:
        return Remark("leader", f"is {_NOT_TITLES[leader[6]]} (leader/06), and only titles are imported", shown(leader))
    if leader[5] == _DELETED:
        return Remark("leader", "is marked as deleted (leader/05), and an import deletes nothing", shown(leader))
    return None


def describe_record(record: Record, latest_year: int) -> Described:
    """The title that a record describes. Raises Rejected."""
    reading = read_record(record)
    if reading is None:
        raise Rejected("245", "there is no title: no 245 with $a, $b, $n or $p")
    remarks = wrong_isbns(reading.isbns_wrong)
    if reading.book.publication_year is None and reading.date:
        remarks.append(Remark("publication_year", "no year can be read from this", shown(reading.date)))
    return settled(reading.book, holdings(record), remarks, latest_year)


def holdings(record: Record) -> CopyWish:
    """The copies that the 852s tell of; copies without a barcode stand on the shelf of the first such field."""
    fields = record.get_fields("852")
    if not fields:
        return NO_WISH
    named = [Barcoded(text, shelf(field)) for field in fields for text in map(clean, field.get_subfields("p")) if text]
    bare = [field for field in fields if not field.get("p")]
    return CopyWish(
        tuple(named),
        min(len(named) + len(bare), MAX_COPIES) if bare else 0,
        next((place for place in map(shelf, bare) if place), None),
    )


def shelf(field: Field) -> str | None:
    """Where an 852 says that its copy stands."""
    call_number = clean(" ".join(value for code in "khim" for value in field.get_subfields(code)[:1]))
    if call_number:
        return call_number
    return next((place for code in "jcb" for place in map(trimmed, field.get_subfields(code)) if place), None)
