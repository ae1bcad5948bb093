"""Command line: records what a simulator's robots say. `./luna sim record` calls it."""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path

import rclpy
from rclpy.signals import SignalHandlerOptions

from luna_executor import LeanExecutor
from luna_sim.notify import notify
from luna_sim.recording.bag import Bag
from luna_sim.recording.recorder import USUAL, Recorder

SILENCE = 10.0
"""Seconds of wall time without /clock after which the simulator counts as gone."""


def main(arguments: list[str] | None = None) -> int:
    """Record until Ctrl-C, SIGTERM or the end of `--for`; 0 is a recording, 1 none or not a whole one."""
    options = _parser().parse_args(arguments)
    if options.file.exists():
        print(f"{options.file} is there already; give another name", file=sys.stderr)
        return 1
    told_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_end.set())
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        with Bag(options.file) as bag:
            recorder = Recorder(bag, options.topics)
            complaint = _record(recorder, bag, options.seconds, told_to_end)
            recorder.destroy_node()
    except OSError as error:
        print(f"{options.file}: {error.strerror}", file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
    for line in [*recorder.complaints, *([complaint] if complaint else [])]:
        print(line, file=sys.stderr)
    if not bag.counts:
        print(f"Nothing was recorded: none of {', '.join(options.topics)} was heard.", file=sys.stderr)
        return 1
    seconds = (bag.last_ns - bag.first_ns) / 1e9
    print(f"{options.file}: {seconds:.1f} s, {len(bag.counts)} topics, {bag.counts.total()} messages")
    return 1 if complaint else 0


def _record(recorder: Recorder, bag: Bag, seconds: float | None, told_to_end: threading.Event) -> str:
    """Until it is over; why it ended too early, if it did."""
    executor = LeanExecutor()
    executor.add_node(recorder)
    ready = False
    try:
        while not told_to_end.is_set():
            recorder.look()
            executor.spin_once(timeout_sec=0.2)
            if not ready and bag.counts:
                ready = True
                notify("READY=1")
            if seconds is not None and bag.first_ns and recorder.time_ns - bag.first_ns >= seconds * 1e9:
                return ""
            if time.monotonic() - recorder.heard_clock_at > SILENCE:
                return f"No /clock for {SILENCE:g} s: the simulator is not there, or has gone."
        return ""
    finally:
        executor.shutdown(timeout_sec=1.0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m luna_sim.recording", description=__doc__)
    parser.add_argument("file", type=Path, help="where to; ends in .mcap")
    parser.add_argument("--for", dest="seconds", type=float, help="so many seconds of the simulator's time")
    parser.add_argument(
        "--topics", type=_names, default=USUAL, help="names, or last parts of names, separated by commas; or all"
    )
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


if __name__ == "__main__":
    sys.exit(main())
