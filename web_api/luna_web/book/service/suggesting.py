"""Completions of what a reader is typing."""

from collections.abc import Iterable, Iterator
from itertools import islice

from sqlalchemy.orm import Session

from luna_web.book.repository import lists
from luna_web.book.repository import suggestions as rows
from luna_web.book.repository.suggestions import Completion
from luna_web.book.schemas import SuggestionKind, SuggestionOut
from luna_web.book.words import PREFIX_FROM, Typed, letters

MOST = 10
MOST_AUTHORS = 4


def suggestions(session: Session, text: str) -> list[SuggestionOut]:
    """Up to ten, each text once: titles that begin so, some authors, then titles that have the words."""
    typed = Typed.of(text)
    typed = typed.folded(lists.state(session, typed.to_fold).folded)
    if not typed.plain:
        return []
    return list(islice(_once(_all(session, typed)), MOST))


def _all(session: Session, typed: Typed) -> Iterator[SuggestionOut]:
    authors = islice(_once(map(_author, rows.authors_beginning(session, typed.plain))), MOST_AUTHORS)
    found = [*authors]
    beginning = list(_once(map(_title, rows.titles_beginning(session, typed.plain, MOST * 2))))
    yield from beginning[: MOST - len(found)]
    yield from found
    yield from beginning
    if letters(typed.plain) >= PREFIX_FROM:
        yield from map(_title, rows.titles_having(session, typed, MOST * 2))


def _title(one: Completion) -> SuggestionOut:
    return SuggestionOut(kind=SuggestionKind.TITLE, text=one.text, book_id=one.book_id)


def _author(one: Completion) -> SuggestionOut:
    return SuggestionOut(kind=SuggestionKind.AUTHOR, text=one.text)


def _once(found: Iterable[SuggestionOut]) -> Iterator[SuggestionOut]:
    """Without what says the same as one before, whatever its case."""
    seen: set[tuple[SuggestionKind, str]] = set()
    for one in found:
        if (one.kind, one.text.casefold()) not in seen:
            seen.add((one.kind, one.text.casefold()))
            yield one
