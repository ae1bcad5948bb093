"""How fast files are imported, and how much memory that takes: `python -m luna_web.bench.imports --records 250000`.

Over the database that the settings name, which it fills with made-up titles: never run it over a library that somebody
uses. No worker may run on it meanwhile. Each file goes the whole way: pieces in the database, a process with a lease.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from uuid import UUID

from sqlalchemy import func, select

from luna_web.bench.import_files import Titles, write
from luna_web.book.imports import repository, service
from luna_web.book.imports.chunks import CHUNK
from luna_web.book.imports.domain import ImportFormat, ImportOptions, Rejected
from luna_web.book.imports.foreman import Foreman, launch
from luna_web.book.imports.models import ImportJob
from luna_web.book.imports.readers.opening import open_reader
from luna_web.book.imports.service import Uploaded, Wanted
from luna_web.book.service.vocabulary import Vocabulary
from luna_web.shared.config import Settings, get_settings
from luna_web.shared.database import SessionFactory, make_engine, make_session_factory, transaction

ALL = (ImportFormat.CSV, ImportFormat.JSONL, ImportFormat.MARC, ImportFormat.MARCXML, ImportFormat.XLSX)
READ_ALONE = 20_000
LATEST_YEAR = 2100
_LOOK_SECONDS = 0.05
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one format. Rates are records a second; `again` is the same file once more, where nothing changes.

    `read_alone` is the limit: reading and understanding without a database, in the same run.
    """

    format: str
    records: int
    megabytes: float
    upload_seconds: float
    seconds: float
    rate: float
    again: float
    read_alone: float
    share_of_reading: float
    peak_memory_mib: float


def measure(settings: Settings, records: int, forms: Sequence[ImportFormat] = ALL, tell: Tell = print) -> list[Figures]:
    """Import so many records in each format, then again. RuntimeError if an import does not do what it should."""
    engine = make_engine(settings)
    factory = make_session_factory(engine)
    try:
        series = _next_series(factory)
        return [
            _measure(settings, factory, form, Titles(records, series + place), tell) for place, form in enumerate(forms)
        ]
    finally:
        engine.dispose()


def _next_series(factory: SessionFactory) -> int:
    """So that a second run brings new titles, too."""
    with transaction(factory) as session:
        return int(session.scalar(select(func.count()).select_from(ImportJob)) or 0) % 900


def _measure(settings: Settings, factory: SessionFactory, form: ImportFormat, titles: Titles, tell: Tell) -> Figures:
    with tempfile.TemporaryFile() as file:
        write(form, titles, file)
        size = file.tell()
        tell(f"{form}: {titles.records:,} records in {size / 1e6:,.0f} MB")
        first, uploading, job = _import(settings, factory, form, file)
        _expect(job, added=titles.records)
        again, _, job = _import(settings, factory, form, file)
        _expect(job, unchanged=titles.records)
    alone = _read_alone(form, min(titles.records, READ_ALONE), titles.series)
    rate = titles.records / first.seconds
    return Figures(
        format=form,
        records=titles.records,
        megabytes=round(size / 1e6, 1),
        upload_seconds=round(uploading, 2),
        seconds=round(first.seconds, 2),
        rate=round(rate),
        again=round(titles.records / again.seconds),
        read_alone=round(alone),
        share_of_reading=round(rate / alone, 2),
        peak_memory_mib=round(max(first.peak, again.peak) / (1 << 20), 1),
    )


class _Watched:
    """Starts the importing process and remembers its greatest memory and how long it took."""

    def __init__(self) -> None:
        self.peak = 0
        self.seconds = 0.0
        self._watching: threading.Thread | None = None

    def __call__(self, job_id: UUID, claim_id: UUID) -> "subprocess.Popen[bytes]":
        process = launch(job_id, claim_id)
        self._watching = threading.Thread(target=self._watch, args=(process, time.perf_counter()), daemon=True)
        self._watching.start()
        return process

    def done(self) -> None:
        if self._watching is not None:
            self._watching.join()

    def _watch(self, process: "subprocess.Popen[bytes]", begun: float) -> None:
        status = Path(f"/proc/{process.pid}/status")
        while process.returncode is None:
            self.seconds = time.perf_counter() - begun
            self.peak = max(self.peak, _peak_of(status))
            time.sleep(_LOOK_SECONDS)


def _peak_of(status: Path) -> int:
    """VmHWM, in bytes; 0 once the process is gone."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)


def _import(
    settings: Settings, factory: SessionFactory, form: ImportFormat, file: IO[bytes]
) -> tuple[_Watched, float, ImportJob]:
    begun = time.perf_counter()
    job_id = _upload(factory, form, file)
    uploading = time.perf_counter() - begun
    watched, vocabulary = _Watched(), Vocabulary(factory)
    vocabulary.start()  # as the worker has it, at the cost of the import
    Foreman(factory, settings, watched).work_once()
    watched.done()
    vocabulary.learn_all()
    vocabulary.stop()
    with transaction(factory) as session:
        job = repository.get_job(session, job_id)
    if job is None or job.state != "COMPLETED":
        raise RuntimeError(f"the import ended {job and job.state}: {job and job.failure}")
    return watched, uploading, job


def _upload(factory: SessionFactory, form: ImportFormat, file: IO[bytes]) -> UUID:
    file.seek(0)
    asked = Wanted(format=form)
    with transaction(factory) as session:
        job_id = service.begin(session, None, asked)
    size, number = 0, 0
    while piece := file.read(CHUNK):
        with transaction(factory) as session:
            service.store_piece(session, job_id, number, piece)
        size, number = size + len(piece), number + 1
    with transaction(factory) as session:
        service.queue(session, None, job_id, asked, Uploaded(size, bytes(32), b"", None, None))
    return job_id


def _expect(job: ImportJob, **counts: int) -> None:
    found = {name: getattr(job, name) for name in counts}
    if found != counts:
        raise RuntimeError(f"expected {counts}, found {found}")


def _read_alone(form: ImportFormat, records: int, series: int) -> float:
    with tempfile.TemporaryFile() as file:
        write(form, Titles(records, series), file)
        size = file.tell()
        file.seek(0)
        begun = time.perf_counter()
        reader = open_reader(form, file, size, ImportOptions(), LATEST_YEAR)
        for item in reader.items():
            try:
                reader.describe(item.content)
            except Rejected:
                continue
        return records / (time.perf_counter() - begun)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="luna_web.bench.imports")
    parser.add_argument("--records", type=int, default=250_000)
    parser.add_argument("--formats", nargs="+", type=ImportFormat, choices=ALL, default=ALL)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(words)
    found = measure(get_settings(), asked.records, asked.formats, lambda text: print(text, file=sys.stderr, flush=True))
    told = json.dumps({"name": "imports", "at": time.time(), "formats": [asdict(one) for one in found]}, indent=1)
    if asked.out:
        asked.out.write_text(told + "\n")
    print(told)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
