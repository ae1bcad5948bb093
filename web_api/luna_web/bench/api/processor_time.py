"""Processor time of the processes that are measured."""

import psutil


def of_process(process: psutil.Process) -> float:
    """Seconds, user and system."""
    times = process.cpu_times()
    return float(times.user + times.system)


def of_family(parent: psutil.Process) -> float:
    """Seconds of a process, of its children that live, and of those that it has seen end (PostgreSQL's backends)."""
    times = parent.cpu_times()
    seconds = float(times.user + times.system + times.children_user + times.children_system)
    for child in parent.children():
        try:
            seconds += of_process(child)
        except psutil.NoSuchProcess:
            continue  # it ended just now: the parent counts it
    return seconds
