"""A file as batches of judged records, read ahead in a thread while the batch before is written.

Batches end at the same records whenever the file is read, so that a job that is resumed at the end of one goes on as if
it had never stopped.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from luna_web.book.imports.describing import shown
from luna_web.book.imports.domain import Entry, FileFault, Problem, Rejected, Remark, Severity
from luna_web.book.imports.readers.base import Item, Reader

BATCH = 1000
"""Records."""
WEIGHT = 4 << 20
"""Characters of titles and descriptions, which are all that is ever long; a copy weighs as much as `COPY_WEIGHT`."""
COPY_WEIGHT = 200
AHEAD = 2
_LOOK_SECONDS = 0.5
_MAX_REASON = 500


@dataclass(slots=True)
class Batch:
    """`end`: the number of its last record. `problems` include those of the records that did land."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    rejected: int = 0
    end: int = 0
    progress: float = 0.0


class Stopped(Exception):
    """Whoever reads the batches wants no more."""


class ReadAhead:
    """`for batch in ReadAhead(reader, done)`: what comes after record `done`. Raises what the reader raises.

    `alive` is called for each record read.
    """

    def __init__(self, reader: Reader, done: int, alive: Callable[[], None] = lambda: None, size: int = BATCH) -> None:
        self._reader, self._done, self._alive, self._size = reader, done, alive, size
        self._ready: queue.Queue[Batch | BaseException | None] = queue.Queue(AHEAD)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def __iter__(self) -> Iterator[Batch]:
        self._thread.start()
        try:
            while (found := self._ready.get()) is not None:
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            self._stopping.set()
            self._thread.join()

    def _run(self) -> None:
        try:
            for batch in batches(self._reader, self._done, self._alive, self._size):
                self._put(batch)
            self._put(None)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - whoever iterates gets it
            self._put(error)

    def _put(self, found: Batch | BaseException | None) -> None:
        while not self._stopping.is_set():
            try:
                self._ready.put(found, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return
        raise Stopped


def batches(reader: Reader, done: int, alive: Callable[[], None], size: int) -> Iterator[Batch]:
    """The same without a thread. A file that breaks gives what came before it, then raises FileFault."""
    batch, weight = Batch(), 0
    try:
        for item in reader.items():
            alive()
            if item.number <= done:
                continue
            weight += _judge(reader, item, batch)
            if item.number % size == 0 or weight >= WEIGHT:
                batch.progress = reader.progress()
                yield batch
                batch, weight = Batch(), 0
    except FileFault:
        yield from _rest(batch, reader)
        raise
    yield from _rest(batch, reader)


def _rest(batch: Batch, reader: Reader) -> Iterator[Batch]:
    if batch.end:
        batch.progress = reader.progress()
        yield batch


def _judge(reader: Reader, item: Item, batch: Batch) -> int:
    """Put a record into a batch; how heavy it is."""
    batch.end = item.number
    try:
        described = reader.describe(item.content)
    except Rejected as refused:
        batch.rejected += 1
        batch.problems.append(problem(Severity.REJECTED, item.number, item.line, refused.remark))
        return 0
    batch.entries.append(Entry(item.number, item.line, described))
    for remark in described.remarks:
        batch.problems.append(problem(Severity.WARNING, item.number, item.line, remark))
    copies = len(described.copies.named) + described.copies.count
    return len(described.book.title) + len(described.book.description or "") + copies * COPY_WEIGHT


def problem(severity: Severity, number: int, line: int | None, remark: Remark) -> Problem:
    """With a value that can be stored, whoever made the remark."""
    value = None if remark.value is None else shown(remark.value)
    return Problem(severity, remark.reason[:_MAX_REASON], number, line, remark.field, value)
