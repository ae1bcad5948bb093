"""Whether the pose can be trusted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalizationLimits:
    silence: float = 1.5
    """Seconds without a new map → odom: 0.5 s, and the 1 s by which AMCL post-dates its transforms."""
    position_variance: float = 0.2
    """Square metres, of x and of y; one that is as large is not trusted any more. A pose that somebody has just given
    (RViz, AMCL's own default) has 0.25: it counts once a scan has confirmed it."""
    heading_variance: float = 0.25
    """Square radians."""


class Localization:
    """Watches map → odom and the covariance. Times in seconds of a steady clock."""

    def __init__(self, limits: LocalizationLimits) -> None:
        self._limits = limits
        self._stamp: int | None = None
        self._heard: float | None = None
        self._certain = False

    def observe_transform(self, stamp: int, now: float) -> None:
        """A map → odom with that stamp (nanoseconds) arrived; one that repeats itself is no news."""
        if stamp != self._stamp:
            self._stamp, self._heard = stamp, now

    def observe_covariance(self, xx: float, yy: float, yaw: float) -> None:
        """Variances of the pose estimate: m², m², rad². NaN is uncertain."""
        limits = self._limits
        self._certain = (
            0.0 <= xx < limits.position_variance
            and 0.0 <= yy < limits.position_variance
            and 0.0 <= yaw < limits.heading_variance
        )

    def localized(self, now: float) -> bool:
        return self._certain and self._heard is not None and now - self._heard <= self._limits.silence
