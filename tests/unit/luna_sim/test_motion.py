"""Kinematics and energy: the limits hold whatever is commanded."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_sim.core.battery import Battery, flowed, share, voltage
from luna_sim.core.geometry import STILL, Pose, Twist, wrap
from luna_sim.core.kinematics import accelerated, limited, moved, stopped
from luna_sim.core.parameters import BatteryLimits, DriveLimits

DRIVE, BATTERY = DriveLimits(), BatteryLimits()
numbers = st.floats(-50, 50)
twists = st.builds(Twist, numbers, numbers)
poses = st.builds(Pose, numbers, numbers, st.floats(-math.pi, math.pi))


def wheels(velocity: Twist) -> float:
    return abs(velocity.linear) + abs(velocity.angular) * DRIVE.wheel_base / 2


class TestVelocity:
    @given(twists)
    def test_no_wheel_runs_faster_than_it_can(self, wanted: Twist) -> None:
        got = limited(wanted, DRIVE)
        assert wheels(got) <= DRIVE.wheel_speed + 1e-9
        assert abs(got.angular) <= DRIVE.angular_speed

    @given(twists, twists, st.floats(0.001, 0.5))
    def test_it_changes_no_faster_than_the_acceleration_allows(self, now: Twist, wanted: Twist, dt: float) -> None:
        now = limited(now, DRIVE)
        then = accelerated(now, wanted, DRIVE, dt)
        assert abs(then.angular - now.angular) <= DRIVE.angular_acceleration * dt + 1e-9
        assert abs(then.linear) <= abs(now.linear) + DRIVE.linear_acceleration * dt + 1e-9
        assert wheels(then) <= DRIVE.wheel_speed + 1e-9

    def test_an_emergency_stop_stands_at_once_by_default(self) -> None:
        assert stopped(Twist(0.3, 1.0), DRIVE, 0.02) == STILL

    def test_an_emergency_stop_can_be_given_a_deceleration(self) -> None:
        got = stopped(Twist(0.3, 1.0), DriveLimits(stop_deceleration=2.0), 0.1)
        assert got == Twist(pytest.approx(0.1), 0.0)


class TestMotion:
    @given(poses, st.floats(-0.3, 0.3), st.floats(-1.9, 1.9), st.floats(0.01, 2.0))
    def test_an_arc_is_where_a_thousand_small_steps_lead(self, start: Pose, v: float, w: float, dt: float) -> None:
        end, slow, n = moved(start, Twist(v, w), dt), start, 1000
        for _ in range(n):
            slow = Pose(slow.x, slow.y, slow.yaw + w * dt / n / 2).ahead(v * dt / n)
            slow = Pose(slow.x, slow.y, slow.yaw + w * dt / n / 2)
        assert (end.x, end.y) == pytest.approx((slow.x, slow.y), abs=1e-5)
        assert abs(wrap(end.yaw - slow.yaw)) < 1e-6

    @given(poses, poses)
    def test_composing_with_the_inverse_leads_back(self, a: Pose, b: Pose) -> None:
        back = a.inverse().compose(a.compose(b))
        assert (back.x, back.y) == pytest.approx((b.x, b.y), abs=1e-9)
        assert abs(wrap(back.yaw - b.yaw)) < 1e-9


class TestEnergy:
    @given(st.floats(0, BATTERY.capacity), twists, st.booleans(), st.floats(0, 3600))
    def test_it_is_never_created(self, start: float, velocity: Twist, docked: bool, dt: float) -> None:
        then = flowed(Battery(start), limited(velocity, DRIVE), docked, BATTERY, DRIVE, dt)
        assert 0.0 <= then.energy <= BATTERY.capacity
        assert then.energy - start <= (BATTERY.charge_power * dt / 3600 if docked else 0.0) + 1e-9

    def test_driving_costs_more_than_standing(self) -> None:
        standing = flowed(Battery(20), STILL, False, BATTERY, DRIVE, 60)
        driving = flowed(Battery(20), Twist(0.26, 0), False, BATTERY, DRIVE, 60)
        assert driving.energy < standing.energy < 20

    def test_a_full_battery_takes_no_more(self) -> None:
        full = flowed(Battery(BATTERY.capacity), STILL, True, BATTERY, DRIVE, 60)
        assert full == Battery(BATTERY.capacity, 0.0)
        assert share(full, BATTERY) == 1.0 and voltage(full, BATTERY) == BATTERY.full_voltage
