"""Energy: drains with time and motion, fills on the dock, never comes from nowhere."""

from dataclasses import dataclass

from luna_sim.core.geometry import Twist
from luna_sim.core.parameters import BatteryLimits, DriveLimits


@dataclass(frozen=True, slots=True)
class Battery:
    """Charge in Wh and the power that flows (W, positive into the battery)."""

    energy: float
    power: float = 0.0


def flowed(
    battery: Battery, velocity: Twist, on_dock: bool, limits: BatteryLimits, drive: DriveLimits, dt: float
) -> Battery:
    """The battery after `dt` seconds. On the dock the supply feeds the computer as well."""
    if on_dock:
        power = limits.charge_power if battery.energy < limits.capacity else 0.0
    else:
        wheel = abs(velocity.linear) + abs(velocity.angular) * drive.wheel_base / 2.0
        power = -(limits.idle_power + limits.drive_power * min(1.0, wheel / drive.wheel_speed))
    energy = battery.energy + power * dt / 3600.0
    return Battery(min(limits.capacity, max(0.0, energy)), power)


def share(battery: Battery, limits: BatteryLimits) -> float:
    """State of charge, 0 to 1."""
    return battery.energy / limits.capacity


def voltage(battery: Battery, limits: BatteryLimits) -> float:
    """Open-circuit voltage, linear in the charge."""
    return limits.empty_voltage + (limits.full_voltage - limits.empty_voltage) * share(battery, limits)
