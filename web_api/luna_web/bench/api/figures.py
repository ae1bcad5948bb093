"""What answers and processor time come to. Pure."""

from dataclasses import dataclass, field

from luna_web.bench.api.driving import Answers
from luna_web.bench.client import percentile
from luna_web.bench.sections import Cell

COLUMNS = (
    "what", "by", "calls/s", "÷ limit", "p50", "p99", "server CPU", "database CPU", "client CPU", "errors", "429",
)  # fmt: skip
"""`by`: how many clients."""


@dataclass
class Measured:
    """One kind of call by so many clients; processor time in seconds."""

    name: str
    clients: int
    answers: Answers = field(default_factory=Answers)
    server_cpu: float = 0.0
    database_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.answers.good / self.answers.elapsed if self.answers.elapsed else 0.0

    def row(self, limit: "Measured") -> tuple[Cell, ...]:
        """As `COLUMNS` name it: times are milliseconds, those of processors a call."""
        answers = self.answers
        calls = max(len(answers.seconds), 1)
        costs = (round(1000 * cpu / calls, 2) for cpu in (self.server_cpu, self.database_cpu, answers.client_cpu))
        share = round(self.rate / limit.rate, 2) if limit.rate else None
        return (
            self.name, self.clients, round(self.rate), share, percentile(answers.seconds, 0.5),
            percentile(answers.seconds, 0.99), *costs, answers.errors, answers.limited,
        )  # fmt: skip
