"""Where the robot believes to be: drifting odometry, corrected now and then as AMCL does it.

Between two corrections the estimate moves with odometry. After `update_min_d` metres or `update_min_a` radians the
lidar is matched against the map; what comes out is the true pose with a small error, weighed against the estimate as a
Kalman filter would. An estimate that is too far off finds nothing to match: the robot is lost until somebody tells it
where it is, and its variances grow with each update. A robot that stands updates nothing, so it does not notice.
"""

import random
from dataclasses import dataclass

from luna_sim.core.geometry import Pose, clamp, wrap
from luna_sim.core.parameters import LocalizationLimits

_GAIN = 0.5
"""The most that one match corrects of the error."""


@dataclass(frozen=True, slots=True)
class Covariance:
    """Variances of an estimate: of x and of y in m², of yaw in rad²."""

    position: float
    yaw: float


class Localization:
    """The estimate of one robot's pose in `map`. Its owner calls `step` once per step of the world."""

    def __init__(self, pose: Pose, odometry: Pose, limits: LocalizationLimits, chance: random.Random) -> None:
        self._limits = limits
        self._chance = chance
        self.covariance = Covariance(limits.match_position**2, limits.match_yaw**2)
        self.estimate = pose
        """In `map`."""
        self.correction = pose
        """map → odom."""
        self.lost = False
        """Whether the estimate is wrong, or may be for all the robot knows."""
        self.updates = 0
        """How often the lidar was matched, with success or without, or the estimate was set: AMCL publishes then."""
        self._odometry = self._matched_at = odometry
        self._settle_in: float | None = None
        self._place(self._measured(pose))

    def step(self, truth: Pose, odometry: Pose, dt: float) -> None:
        """Follow odometry for `dt` seconds; `truth` (in `map`) is what the lidar sees the map from."""
        driven = odometry is not self._odometry
        if driven:
            self._odometry = odometry
            self.estimate = self.correction.compose(odometry)
        if self._settle_in is not None:
            self._settle(truth, dt)
        elif driven and self._is_due():
            self._match(truth)

    def lose(self) -> None:
        """The lidar no longer matches the map: no more corrections, and variances that grow with each update."""
        self.lost = True
        self._settle_in = None

    def found(self, guess: Pose) -> None:
        """Somebody says where the robot is (`initialpose`): a good guess converges, a bad one is lost again at once."""
        self.lost = False
        self.covariance = Covariance(self._limits.guess_position**2, self._limits.guess_yaw**2)
        self._place(guess)
        self._settle_in = 0.0

    def _settle(self, truth: Pose, dt: float) -> None:
        """After a guess AMCL matches without the robot moving, until the estimate no longer changes much."""
        assert self._settle_in is not None  # noqa: S101 - for the type checker
        self._settle_in -= dt
        if self._settle_in <= 0.0:
            self._settle_in = self._limits.settle_period
            self._match(truth)
            if self.covariance.position < 2.0 * self._limits.match_position**2:
                self._settle_in = None

    def _is_due(self) -> bool:
        last, now = self._matched_at, self._odometry
        return (
            now.distance_to(last.x, last.y) >= self._limits.update_min_d
            or abs(wrap(now.yaw - last.yaw)) >= self._limits.update_min_a
        )

    def _match(self, truth: Pose) -> None:
        limits, before = self._limits, self.estimate
        far = self.lost or before.distance_to(truth.x, truth.y) > limits.reach_position
        if far or abs(wrap(truth.yaw - before.yaw)) > limits.reach_yaw:
            self.lose()
            self._grow()
            return
        seen = self._measured(truth)
        position, gain = _weighed(self.covariance.position + limits.drift_position**2, limits.match_position**2)
        yaw, yaw_gain = _weighed(self.covariance.yaw + limits.drift_yaw**2, limits.match_yaw**2)
        self.covariance = Covariance(position, yaw)
        self._place(
            Pose(
                before.x + gain * (seen.x - before.x),
                before.y + gain * (seen.y - before.y),
                wrap(before.yaw + yaw_gain * wrap(seen.yaw - before.yaw)),
            )
        )

    def _measured(self, truth: Pose) -> Pose:
        """What matching a scan says: the truth, at most two standard deviations off."""
        ex, ey, eyaw = (clamp(self._chance.gauss(0.0, 1.0), -2.0, 2.0) for _ in range(3))
        position, yaw = self._limits.match_position, self._limits.match_yaw
        return Pose(truth.x + position * ex, truth.y + position * ey, wrap(truth.yaw + yaw * eyaw))

    def _place(self, estimate: Pose) -> None:
        self.estimate = estimate
        self.correction = estimate.compose(self._odometry.inverse())
        self._matched_at = self._odometry
        self.updates += 1

    def _grow(self) -> None:
        limits, now = self._limits, self.covariance
        self.covariance = Covariance(
            min(limits.lost_variance, now.position + limits.lost_growth),
            min(limits.lost_variance, now.yaw + limits.lost_growth),
        )
        self._matched_at = self._odometry
        self.updates += 1


def _weighed(variance: float, noise: float) -> tuple[float, float]:
    """The variance after a measurement with some noise, and the gain it was given (Joseph form)."""
    gain = min(_GAIN, variance / (variance + noise))
    return (1.0 - gain) ** 2 * variance + gain**2 * noise, gain
