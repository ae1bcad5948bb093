"""When something periodic is due, by a clock that may be set back."""


def due(now: int, last: int, period: int) -> bool:
    """Whether it is time again; at once when the clock was set back. All in nanoseconds."""
    return not 0 <= now - last < period
