"""MARCXML, as a stream of events: no tree is built, no DTD or entity is taken, nothing grows beyond a bound."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml import DefusedXmlException, sax
from pymarc import Field, Indicators, Leader, Record, Subfield

from luna_web.book.imports.bibliographic import TAGS, describe_record, refusal_of_leader
from luna_web.book.imports.domain import Described, Detected, FileFault, ImportOptions, Problem
from luna_web.book.imports.readers.base import Item, Unreadable

BLOCK = 1 << 16
MAX_RECORD = 1 << 20
MAX_SILENCE = 4 << 20
"""Bytes of which nothing comes: a tag or a comment that does not end, all of which the parser keeps."""
MAX_DEPTH = 32


class MarcXmlReader:
    def __init__(self, source: BinaryIO, size: int, options: ImportOptions, latest_year: int) -> None:
        self._source, self._size, self._latest_year = source, size, latest_year
        self.detected = Detected(encoding="as the XML declaration says")
        self.problems: Sequence[Problem] = ()

    def items(self) -> Iterator[Item]:
        parser = sax.make_parser()
        parser.forbid_dtd = True
        handler = _Records(parser.getLineNumber)
        parser.setContentHandler(handler)
        for number, (content, line) in enumerate(self._contents(parser, handler), start=1):
            yield Item(number, line, content)
        if not handler.seen:
            raise FileFault("there is no record in this XML; MARCXML has record elements in a collection")

    def _contents(self, parser: Any, handler: "_Records") -> Iterator[tuple[Any, int]]:
        silent = 0
        while block := self._source.read(BLOCK):
            before = handler.events
            _feed(parser, block)
            silent = 0 if handler.events != before else silent + len(block)
            if silent > MAX_SILENCE:
                raise FileFault(f"more than {MAX_SILENCE:,} bytes without an element; this is no MARCXML")
            yield from handler.take()
        _feed(parser, b"", last=True)
        yield from handler.take()

    def describe(self, content: Record | Unreadable) -> Described:
        if isinstance(content, Unreadable):
            raise content.reject()
        return describe_record(content, self._latest_year)

    def progress(self) -> float:
        return min(1.0, self._source.tell() / max(self._size, 1))


def _feed(parser: Any, block: bytes, *, last: bool = False) -> None:
    from xml.sax import SAXParseException

    try:
        parser.close() if last else parser.feed(block)
    except DefusedXmlException as error:
        raise FileFault(
            f"the XML declares what an import does not take ({type(error).__name__}); remove its DTD"
        ) from None
    except SAXParseException as error:
        place = f"line {error.getLineNumber()}, column {(error.getColumnNumber() or 0) + 1}"
        raise FileFault(f"the XML is not well-formed at {place}: {error.getMessage()}") from None
    except (LookupError, ValueError) as error:
        raise FileFault(f"the XML cannot be read: {error}") from None


class _Records(ContentHandler):
    """Makes records of events. Names count without their namespace's prefix."""

    def __init__(self, line: Callable[[], int]) -> None:
        super().__init__()
        self._line_now = line
        self.events = 0
        self.seen = False
        self._done: list[tuple[Any, int]] = []
        self._depth = 0
        self._line = 0
        self._size = 0
        self._leader = ""
        self._fields: list[Field] | None = None
        self._field: Field | None = None
        self._code: str | None = None
        self._text: list[str] | None = None

    def take(self) -> list[tuple[Any, int]]:
        done, self._done = self._done, []
        return done

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX's own name
        self.events += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FileFault(f"the XML is nested more than {MAX_DEPTH} deep; this is no MARCXML")
        kind = name.rpartition(":")[2]
        if kind == "record":
            self._begin_record()
        elif self._fields is not None:
            self._begin_part(kind, attrs)

    def _begin_record(self) -> None:
        self.seen = True
        self._line = self._line_now()
        self._fields, self._field, self._leader, self._size = [], None, "", 0

    def _begin_part(self, kind: str, attrs: AttributesImpl) -> None:
        tag = attrs.get("tag", "")
        if kind == "leader" or (kind == "controlfield" and tag in TAGS):
            self._code, self._text = tag, []
        elif kind == "datafield" and tag in TAGS:
            self._field = Field(tag, Indicators((attrs.get("ind1") or " ")[0], (attrs.get("ind2") or " ")[0]), [])
        elif kind == "subfield" and self._field is not None:
            self._code, self._text = attrs.get("code", ""), []

    def characters(self, content: str) -> None:
        self.events += 1
        if self._fields is None:
            return
        self._size += len(content)
        if self._size <= MAX_RECORD and self._text is not None:
            self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        self.events += 1
        self._depth -= 1
        kind = name.rpartition(":")[2]
        if self._fields is None:
            return
        if kind == "record":
            self._end_record(self._fields)
        else:
            self._end_part(kind, self._fields)

    def _end_part(self, kind: str, fields: list[Field]) -> None:
        text = "".join(self._text or ())
        if kind == "leader":
            self._leader = text
        elif kind == "controlfield" and self._text is not None:
            fields.append(Field(self._code or "", data=text))
        elif kind == "subfield" and self._field is not None and self._text is not None:
            self._field.subfields.append(Subfield((self._code or " ")[0], text))
        elif kind == "datafield" and self._field is not None:
            fields.append(self._field)
            self._field = None
        self._text = None

    def _end_record(self, fields: list[Field]) -> None:
        self._done.append((self._record(fields), self._line))
        self._fields = None

    def _record(self, fields: list[Field]) -> Record | Unreadable:
        leader = self._leader.ljust(24)
        if self._size > MAX_RECORD:
            return Unreadable(None, f"a record of more than {MAX_RECORD:,} characters")
        if refusal := refusal_of_leader(leader):
            return Unreadable(refusal.field, refusal.reason, refusal.value)
        record = Record()
        record.leader = Leader(leader[:10] + "22" + leader[12:20] + "4500")
        record.fields = fields
        return record
