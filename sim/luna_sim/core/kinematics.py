"""Motion of a differential drive: limits, then an exact arc."""

import math

from luna_sim.core.geometry import STILL, Pose, Twist, clamp, wrap
from luna_sim.core.parameters import DriveLimits


def limited(wanted: Twist, limits: DriveLimits) -> Twist:
    """The nearest velocity that no wheel is too slow for; turning gives way less than driving.

    A wheel runs at linear ± angular * wheel_base / 2.
    """
    turn = min(limits.angular_speed, 2.0 * limits.wheel_speed / limits.wheel_base)
    angular = clamp(wanted.angular, -turn, turn)
    room = max(0.0, limits.wheel_speed - abs(angular) * limits.wheel_base / 2.0)
    if angular == wanted.angular and -room <= wanted.linear <= room:
        return wanted
    return Twist(clamp(wanted.linear, -room, room), angular)


def accelerated(now: Twist, wanted: Twist, limits: DriveLimits, dt: float) -> Twist:
    """The velocity after `dt` seconds of accelerating towards `wanted`; `now` is one that the wheels allow."""
    more, turn = wanted.linear - now.linear, wanted.angular - now.angular
    if more == 0.0 and turn == 0.0:
        return now
    dv, dw = limits.linear_acceleration * dt, limits.angular_acceleration * dt
    return limited(Twist(now.linear + clamp(more, -dv, dv), now.angular + clamp(turn, -dw, dw)), limits)


def stopped(now: Twist, limits: DriveLimits, dt: float) -> Twist:
    """The velocity after `dt` seconds of an emergency stop; turning stops at once."""
    if math.isinf(limits.stop_deceleration):
        return STILL
    dv = limits.stop_deceleration * dt
    return Twist(now.linear - clamp(now.linear, -dv, dv), 0.0)


def moved(pose: Pose, velocity: Twist, dt: float) -> Pose:
    """The pose after `dt` seconds at a constant velocity (exact integration of the unicycle)."""
    turn = velocity.angular * dt
    if abs(turn) < 1e-9:
        return pose.ahead(velocity.linear * dt) if velocity.linear else pose
    chord = velocity.linear * dt * math.sin(turn / 2.0) / (turn / 2.0)
    middle = pose.yaw + turn / 2.0
    return Pose(pose.x + chord * math.cos(middle), pose.y + chord * math.sin(middle), wrap(pose.yaw + turn))
