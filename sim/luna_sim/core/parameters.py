"""What a simulated robot can do. Defaults: TurtleBot 4 on a Create 3 base."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DriveLimits:
    """Differential drive. Sources: Create 3 documentation (safety, kinematics) and its URDF."""

    radius: float = 0.175
    """Radius of the round footprint, metres."""
    wheel_base: float = 0.233
    """Between the wheels, metres."""
    wheel_speed: float = 0.306
    """Highest speed of a wheel with all safety features on, m/s."""
    angular_speed: float = 1.9
    """rad/s."""
    linear_acceleration: float = 0.9
    """m/s², up and down."""
    angular_acceleration: float = 4.0
    """rad/s²."""
    stop_deceleration: float = math.inf
    """m/s² when motion is locked. The base cuts the motors and stands at once, hence infinite."""


@dataclass(frozen=True, slots=True)
class NavigationLimits:
    """The navigator's own, tighter values; names follow Nav2's parameters where there is one."""

    desired_linear_vel: float = 0.26
    rotate_speed: float = 1.2
    """rad/s, turning on the spot."""
    xy_goal_tolerance: float = 0.1
    """Metres; the navigator drives closer than this, and a goal within it counts as reached."""
    yaw_goal_tolerance: float = 0.1
    lookahead: float = 0.45
    min_lookahead: float = 0.15
    rotate_to_heading_min_angle: float = 0.8
    """Turn on the spot when the way on is further off than this, radians."""
    path_margin: float = 0.05
    """Free space between footprint and obstacles along a path, metres."""
    inflation_radius: float = 0.6
    """Up to this far from an obstacle a path costs extra, metres."""
    resolution: float = 0.1
    """Cell size of the planning grid, metres (never finer than the map)."""
    patience: float = 3.0
    """Seconds to wait for another robot before planning around it."""
    recover_after: float = 10.0
    """Seconds without progress after which a recovery behaviour begins (movement_time_allowance)."""
    progress_timeout: float = 60.0
    """Give up after this many seconds without progress."""


@dataclass(frozen=True, slots=True)
class DockLimits:
    """Docking as Nav2's docking server does it: drive to a staging pose, then creep onto the dock."""

    staging_distance: float = 0.7
    speed: float = 0.12
    """m/s, also backwards when leaving."""
    contact_distance: float = 0.02
    contact_angle: float = 0.08
    timeout: float = 60.0
    """Seconds for the last part."""


@dataclass(frozen=True, slots=True)
class BatteryLimits:
    """The Create 3 battery (26 Wh lithium-ion) with a TurtleBot 4 on it."""

    capacity: float = 26.0
    """Wh."""
    idle_power: float = 6.5
    """W, computer and sensors."""
    drive_power: float = 9.0
    """W on top at full speed."""
    charge_power: float = 13.0
    """W into the battery on the dock."""
    empty_voltage: float = 12.0
    full_voltage: float = 16.8


@dataclass(frozen=True, slots=True)
class OdometryNoise:
    """How odometry goes wrong: about 1 % of the way and 0.05 rad after 10 m, as wheels with a gyroscope do."""

    travel_variance: float = 1e-5
    """m² per metre that a wheel travels."""
    wheel_size: float = 0.0005
    """Standard deviation of a wheel's circumference from what it is taken for, as a share of it."""


@dataclass(frozen=True, slots=True)
class LocalizationLimits:
    """The map-based estimate. Names of AMCL's parameters and TurtleBot 4's values where there is one."""

    update_min_d: float = 0.25
    update_min_a: float = 0.2
    match_position: float = 0.01
    """Standard deviation of one match of the lidar with the map, metres."""
    match_yaw: float = 0.005
    drift_position: float = 0.005
    """Standard deviation of what odometry adds from one match to the next, metres."""
    drift_yaw: float = 0.01
    reach_position: float = 1.0
    """An estimate further off than this finds nothing to match, metres."""
    reach_yaw: float = 0.6
    guess_position: float = 0.5
    """Standard deviation that a person's guess is taken for (RViz's own value), metres."""
    guess_yaw: float = 0.26
    settle_period: float = 0.2
    """Seconds between matches after a guess."""
    lost_growth: float = 0.2
    """By how much both variances grow with each update that finds nothing to match."""
    lost_variance: float = 25.0
    """Where they end."""


@dataclass(frozen=True, slots=True)
class RobotParameters:
    """Everything about one robot."""

    drive: DriveLimits = field(default_factory=DriveLimits)
    navigation: NavigationLimits = field(default_factory=NavigationLimits)
    dock: DockLimits = field(default_factory=DockLimits)
    battery: BatteryLimits = field(default_factory=BatteryLimits)
    odometry: OdometryNoise = field(default_factory=OdometryNoise)
    localization: LocalizationLimits = field(default_factory=LocalizationLimits)
    command_timeout: float = 0.5
    """Seconds after which a velocity command is stale."""
    zero_timeout: float = 0.05
    """Seconds after which the command to stand holds up no task: Nav2's next command comes by the same topic."""
