"""The executor's journal: a SQLite file that is the only truth of what the robot did.

One transaction a step, `synchronous=FULL`: state, entries and records are on the disk together or not at all. Each
entry carries a digest over the one before it and itself, the state one over itself: a file that was damaged or edited
is refused, never repaired in silence. So is one that is not there any more: `journal.id` beside it names the journal
that the robot has, and a journal that was taken away from under its writer is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from luna_robot.delivery.codec import decode, encode
from luna_robot.delivery.draft import RECENT
from luna_robot.delivery.events import Step
from luna_robot.delivery.model import Delivery, Entry, ExecutorState
from luna_robot.sole import Hold, InUse
from luna_robot.waypoints import WaypointTable

SCHEMA_VERSION = 1
VERIFIED_ENTRIES = 500
"""Newest entries whose digests are checked at the start."""
KEPT_ENTRIES = 50_000
"""Older ones have long been copied by the web tier."""
KEPT_FINISHED = 50_000
"""Records of finished deliveries: far more than a controller could ask for again."""
PRUNED_EVERY = 1000
"""Entries between two times that old ones are let go."""

SCHEMA = """
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), schema_version INTEGER NOT NULL, journal_id TEXT NOT NULL);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE waypoints (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY CHECK (seq > 0), stamp INTEGER NOT NULL, trace_id TEXT NOT NULL, event TEXT NOT NULL,
    delivery TEXT, detail TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE finished (
    id INTEGER PRIMARY KEY AUTOINCREMENT, delivery_id TEXT NOT NULL, attempt INTEGER NOT NULL, body TEXT NOT NULL,
    UNIQUE (delivery_id, attempt));
"""
REPLACE = {
    "state": "INSERT OR REPLACE INTO state VALUES (1, ?, ?)",
    "waypoints": "INSERT OR REPLACE INTO waypoints VALUES (1, ?, ?)",
}
SELECT = {"state": "SELECT body, digest FROM state", "waypoints": "SELECT body, digest FROM waypoints"}


class JournalError(Exception):
    """The journal can't be read or written: the robot stands still until a person has seen to it."""


@contextmanager
def _as_journal_error(doing: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{doing}: {error}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise JournalError(f"the journal is damaged: {error}") from error


class Journal:
    """Use `open_journal`. Writing belongs to one thread at a time; `finished` may be called from another one."""

    def __init__(
        self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection, lock: Hold
    ) -> None:  # fmt: skip
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._files = [path, path.with_name(f"{path.name}-wal")]
        self.journal_id: str = writer.execute("SELECT journal_id FROM meta").fetchone()[0]
        self.waypoints = self._load_waypoints()
        self.state = self._load_state()
        self._tail = self._verify_entries()
        with self._writer:
            self._prune(self.state.seq)
        self._opened = _identities(self._files)

    def check(self) -> None:
        """Raises JournalError if the files are not there any more, or others: what is written now would be lost."""
        with _as_journal_error("looking for the journal"):
            if _identities(self._files) != self._opened:
                raise JournalError(f"the journal {self._files[0]} was replaced while it was in use")

    def write(self, step: Step) -> None:
        """Make a step durable.

        Raises:
            JournalError: nothing of it was written.
        """
        self.check()
        seq = step.state.seq
        with _as_journal_error("writing the journal"), self._writer:
            tail = self._tail
            for entry in step.entries:
                tail = self._insert_entry(entry, tail)
            for done in step.finished:
                self._insert_finished(done)
            if step.waypoints is not None:
                self._replace("waypoints", step.waypoints)
            self._replace("state", replace(step.state, recent=()))
            if seq - self._pruned >= PRUNED_EVERY:
                self._prune(seq)
        self._tail = tail

    def save_timers(self, state: ExecutorState) -> None:
        """Save what is left of the timers, without an entry. Raises JournalError."""
        self.check()
        with _as_journal_error("writing the journal"), self._writer:
            self._replace("state", replace(state, recent=()))

    def finished(self, delivery_id: str, attempt: int = 0) -> Delivery | None:
        """The record of that attempt, or of the latest if `attempt` is 0. Raises JournalError."""
        with _as_journal_error("reading the journal"):
            row = self._reader.execute(
                "SELECT body FROM finished WHERE delivery_id = ?1 AND (attempt = ?2 OR ?2 = 0) ORDER BY attempt DESC",
                (delivery_id, attempt),
            ).fetchone()
            return decode(Delivery, json.loads(row[0])) if row else None

    def entries(self, after_seq: int, limit: int) -> list[Entry]:
        """Entries with a higher sequence number, in order. Raises JournalError."""
        with _as_journal_error("reading the journal"):
            rows = self._writer.execute(
                "SELECT seq, stamp, trace_id, event, delivery, detail FROM entries WHERE seq > ? ORDER BY seq LIMIT ?",
                (min(after_seq, 2**63 - 1), limit),
            ).fetchall()
            return [_entry(*row) for row in rows]

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
        self._lock.close()

    def _insert_entry(self, entry: Entry, tail: str) -> str:
        body = None if entry.delivery is None else _dumps(encode(entry.delivery))
        row = (entry.seq, entry.stamp, entry.trace_id, entry.event, body, _dumps(entry.detail))
        digest = _chained(tail, row)
        self._writer.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, digest))
        return digest

    def _insert_finished(self, done: Delivery) -> None:
        self._writer.execute(
            "INSERT INTO finished (delivery_id, attempt, body) VALUES (?, ?, ?)",
            (done.delivery_id, done.attempt, _dumps(encode(done))),
        )

    def _replace(self, table: str, value: ExecutorState | WaypointTable) -> None:
        body = _dumps(encode(value))
        self._writer.execute(REPLACE[table], (body, _digest(body)))

    def _load(self, table: str) -> Any:
        row = self._writer.execute(SELECT[table]).fetchone()
        if row is None:
            return None
        if _digest(row[0]) != row[1]:
            raise JournalError(f"the journal is damaged: {table}")
        return json.loads(row[0])

    def _load_waypoints(self) -> WaypointTable:
        raw = self._load("waypoints")
        return WaypointTable() if raw is None else decode(WaypointTable, raw)

    def _load_state(self) -> ExecutorState:
        raw = self._load("state")
        state = ExecutorState() if raw is None else decode(ExecutorState, raw)
        rows = self._writer.execute("SELECT body FROM finished ORDER BY id DESC LIMIT ?", (RECENT,)).fetchall()
        return replace(state, recent=tuple(decode(Delivery, json.loads(row[0])) for row in rows))

    def _verify_entries(self) -> str:
        """Digest of the newest entry; the newest ones are contiguous, intact and end where the state does."""
        rows = self._writer.execute(
            "SELECT seq, stamp, trace_id, event, delivery, detail, digest FROM entries ORDER BY seq DESC LIMIT ?",
            (VERIFIED_ENTRIES,),
        ).fetchall()
        if (rows[0][0] if rows else 0) != self.state.seq:
            raise JournalError("the journal is damaged: entries and state disagree")
        for newer, older in pairwise(rows):
            if older[0] != newer[0] - 1 or _chained(older[6], newer[:6]) != newer[6]:
                raise JournalError(f"the journal is damaged: entry {newer[0]}")
        return rows[0][6] if rows else ""

    def _prune(self, seq: int) -> None:
        """Within a transaction; `seq` is that of the newest entry."""
        self._writer.execute("DELETE FROM entries WHERE seq <= ?", (seq - KEPT_ENTRIES,))
        self._writer.execute("DELETE FROM finished WHERE id <= (SELECT max(id) FROM finished) - ?", (KEPT_FINISHED,))
        self._pruned = seq


def open_journal(path: Path, new_id: Callable[[], str]) -> Journal:
    """Open the journal, or make a new one with a new id where there is none.

    Raises:
        JournalError: it is damaged, gone, another robot's, of another version, or can't be written.
    """
    with _as_journal_error("opening the journal"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            lock = held.enter_context(closing(_hold(path.with_suffix(".lock"))))
            journal = _open_held(path, new_id, lock)
            held.pop_all()
            return journal


def _open_held(path: Path, new_id: Callable[[], str], lock: Hold) -> Journal:
    mark = path.with_suffix(".id")
    known = _marked(mark)
    if known and not path.exists():
        raise JournalError(f"the journal {path} is gone: {mark.name} beside it names {known}")
    writer = _connect(path)
    _check_or_create(writer, new_id, known)
    journal = Journal(path, writer, _connect(path), lock)
    if known and journal.journal_id != known:
        raise JournalError(f"the journal is {journal.journal_id}, but {mark.name} beside it names {known}")
    if not known:
        _mark(mark, journal.journal_id)
    return journal


def _marked(mark: Path) -> str:
    """The id of the journal that the robot has; empty for a new robot."""
    try:
        return mark.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _mark(mark: Path, journal_id: str) -> None:
    """Whole or not at all. Need not be on the disk at once: the next start makes it anew from the journal."""
    draft = mark.with_suffix(".new")
    draft.write_text(journal_id, encoding="utf-8")
    draft.replace(mark)


def _identities(files: list[Path]) -> list[tuple[int, int]]:
    """Which files the names mean. Raises OSError where there is none."""
    return [(found.st_dev, found.st_ino) for found in map(os.stat, files)]


def _hold(path: Path) -> Hold:
    """Two processes must not carry out the deliveries of one robot."""
    path.touch()
    try:
        return Hold(path)
    except InUse:
        raise JournalError("the journal is in use by another process") from None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=2.0)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _check_or_create(writer: sqlite3.Connection, new_id: Callable[[], str], known: str) -> None:
    """An empty file is where a start was interrupted, unless the robot is `known` to have had a journal."""
    found = writer.execute("PRAGMA quick_check").fetchone()[0]
    if found != "ok":
        raise JournalError(f"the journal is damaged: {found}")
    if writer.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
        if known:
            raise JournalError(f"the journal is empty, but was {known}")
        _create(writer, new_id())
    version = writer.execute("SELECT schema_version FROM meta").fetchone()
    if version is None or version[0] != SCHEMA_VERSION:
        raise JournalError(f"the journal has version {version and version[0]}, not {SCHEMA_VERSION}")


def _create(writer: sqlite3.Connection, journal_id: str) -> None:
    """All tables or none, so that a crash here leaves an empty file."""
    writer.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.split(";"):
        writer.execute(statement)
    writer.execute("INSERT INTO meta VALUES (1, ?, ?)", (SCHEMA_VERSION, journal_id))
    writer.commit()


def _entry(seq: int, stamp: int, trace_id: str, event: str, delivery: str | None, detail: str) -> Entry:
    record = None if delivery is None else decode(Delivery, json.loads(delivery))
    return Entry(seq, stamp, trace_id, event, record, json.loads(detail))


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _chained(tail: str, row: Iterable[Any]) -> str:
    return _digest(_dumps([tail, *row]))
