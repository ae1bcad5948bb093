"""The catalog, or what a list is narrowed to, as a stream of text.

Read in batches by id, each in a transaction of its own: memory stays flat, and a slow client pins no snapshot and no
connection. A title that is there all the while comes once; what is added meanwhile comes, too, since ids grow with
time. When the last batch fails the stream breaks off, and the missing last chunk (HTTP/1.1) tells the client.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from luna_web.book.exports import WRITING, ExportFormat, exported
from luna_web.book.repository import exporting, lists
from luna_web.book.search import Filters, Question
from luna_web.shared.database import SessionFactory, transaction

Batch = list[Any]


def text_of(factory: SessionFactory, filters: Filters, form: ExportFormat) -> Iterator[str]:
    """The whole text, a thousand titles at a time. The first of it is read before this returns, and may raise."""
    batches = _batches(factory, _question(factory, filters))
    first = next(batches, [])
    writing = WRITING[form]
    return chain(
        (writing.head(),),
        (writing.batch(map(exported, batch)) for batch in chain((first,), batches)),
    )


def _question(factory: SessionFactory, filters: Filters) -> Question:
    question = Question.of(filters)
    with transaction(factory) as session:
        return question.folded(lists.state(session, question.to_fold).folded)


def _batches(factory: SessionFactory, question: Question) -> Iterator[Batch]:
    last = None
    while True:
        with transaction(factory) as session:
            batch = list(exporting.batch_after(session, question, last))
        if not batch:
            return
        yield batch
        last = batch[-1].id
