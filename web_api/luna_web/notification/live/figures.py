"""What one process counts of its live channel since it started, and how Prometheus reads it."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass
class Figures:
    """Raised on the loop of the sockets, read from any thread."""

    frames: int = 0
    """Handed to sockets, of whatever kind."""
    coalesced: int = 0
    """Positions that a newer one replaced before they were sent."""
    snapshots: int = 0
    """Read from the database; one may serve many readers."""
    resumes: int = 0
    """Channels that went on where their client was."""
    closed: Counter[int] = field(default_factory=Counter)
    """By close code; 1005 where the client went by itself."""


@dataclass(frozen=True)
class Now:
    """How it stands at this moment."""

    clients: int
    subscriptions: int
    topics: int
    up: bool
    """Whether everything that Redis publishes is heard."""


class LiveCollector(Collector):
    """`look` gives the figures of this process and how it stands; None while it serves no live channel."""

    def __init__(self, look: Callable[[], tuple[Figures, Now] | None]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        found = self._look()
        if found is None:
            return
        figures, now = found
        yield GaugeMetricFamily("luna_live_clients", "Sockets that are admitted", now.clients)
        yield GaugeMetricFamily("luna_live_subscriptions", "Channels of all sockets", now.subscriptions)
        yield GaugeMetricFamily("luna_live_topics", "Topics that somebody here follows", now.topics)
        yield GaugeMetricFamily("luna_live_feed_up", "1 while all that Redis publishes is heard", int(now.up))
        yield CounterMetricFamily("luna_live_frames", "Frames handed to sockets", figures.frames)
        coalesced = "Positions that a newer one replaced before they were sent"
        yield CounterMetricFamily("luna_live_positions_coalesced", coalesced, figures.coalesced)
        yield CounterMetricFamily("luna_live_snapshots", "Snapshots read from the database", figures.snapshots)
        yield CounterMetricFamily("luna_live_resumes", "Channels that went on where they were", figures.resumes)
        closed = CounterMetricFamily("luna_live_closed", "Connections that ended, by close code", labels=("code",))
        for code, count in sorted(figures.closed.copy().items()):
            closed.add_metric((str(code),), count)
        yield closed
