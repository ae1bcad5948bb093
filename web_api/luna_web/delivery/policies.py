"""The delivery service's limits, from the settings that administrators change."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.orm import Session

from luna_web.delivery.domain.facts import Policy
from luna_web.shared.library_settings import LibrarySettings, library_rules
from luna_web.shared.runtime import Runtime

Policies = Callable[[Session], Policy]
"""The limits that hold now; may read them in the caller's transaction."""


def policy_of(settings: LibrarySettings) -> Policy:
    times, limits, travel = settings.delivery_times, settings.limits, settings.robot_travel
    return Policy(
        open_requests=limits.open_requests,
        open_loans=limits.open_loans,
        loan_period=timedelta(days=limits.loan_days),
        load_timeout=float(times.load),
        collect_timeout=float(times.collect),
        most_attempts=settings.delivery_attempts.reach_pickup,
        most_not_loaded=settings.delivery_attempts.load,
        lost_patience=timedelta(seconds=times.silent_robot),
        rank_worth=timedelta(seconds=times.priority_step),
        unload_alert_every=timedelta(seconds=times.unload_alert),
        unload_patience=timedelta(seconds=times.unload),
        recovery_patience=timedelta(seconds=times.recovery),
        speed=travel.speed,
        detour=travel.detour,
        endurance=timedelta(seconds=travel.endurance),
        reserve=travel.reserve,
        hours=settings.opening_hours,
    )


def policies(runtime: Runtime) -> Policies:
    """The limits of this process."""
    rules = library_rules(runtime)
    return lambda session: policy_of(rules.now(session))
