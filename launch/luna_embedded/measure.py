"""CPU and memory of parts, each with all its children."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

SAMPLE_S = 0.3


@dataclass(frozen=True)
class Usage:
    """``cpu_percent`` of one core, over the sample; ``memory_mb`` as PSS, so that shared pages count once."""

    cpu_percent: float
    memory_mb: float


def measure(pids: Mapping[str, int], sample: float = SAMPLE_S) -> dict[str, Usage]:
    """Usage by name; a part that ends meanwhile is left out."""
    trees = {name: _tree(pid) for name, pid in pids.items()}
    before = {name: _cpu_seconds(tree) for name, tree in trees.items()}
    began = time.monotonic()
    time.sleep(sample)
    elapsed = time.monotonic() - began
    return {
        name: Usage(
            cpu_percent=round(max(0.0, _cpu_seconds(tree) - before[name]) / elapsed * 100, 1),
            memory_mb=round(sum(map(_memory, tree)) / 1e6, 1),
        )
        for name, tree in trees.items()
        if tree
    }


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _cpu_seconds(tree: list[psutil.Process]) -> float:
    total = 0.0
    for process in tree:
        try:
            times = process.cpu_times()
            total += times.user + times.system
        except psutil.Error:
            continue
    return total


def _memory(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss)
    except psutil.Error:
        return 0.0
