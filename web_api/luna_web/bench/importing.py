"""How fast files of each format are imported into the loaded catalog, and how much memory that takes."""

from luna_web.bench import imports
from luna_web.bench.sections import Bench, Section


def measure(bench: Bench) -> Section:
    """Beside each rate what reading and understanding alone reach in the same run, the limit."""
    found = imports.measure(bench.settings, bench.records, tell=bench.tell)
    return Section(
        f"import, {bench.records:,} records a file",
        ("format", "records/s", "again, records/s", "reading alone, records/s", "share of it", "peak MiB"),
        tuple(
            (row.format, row.rate, row.again, row.read_alone, row.share_of_reading, row.peak_memory_mib)
            for row in found
        ),
    )
