"""The delivery service's limits, from the settings that administrators change."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.orm import Session

from luna_web.delivery.domain.facts import Policy
from luna_web.shared.config import Settings
from luna_web.shared.library_settings import LibraryRules, LibrarySettings, library_rules
from luna_web.shared.runtime import Runtime

Policies = Callable[[Session], Policy]
"""The limits that hold now; may read them in the caller's transaction."""


def policy_of(settings: LibrarySettings) -> Policy:
    times, limits, travel = settings.delivery_times, settings.limits, settings.robot_travel
    terms = settings.circulation
    return Policy(
        open_requests=limits.open_requests,
        open_loans=limits.open_loans,
        loan_period=timedelta(days=limits.loan_days),
        load_timeout=float(times.load),
        collect_timeout=float(times.collect),
        most_attempts=settings.delivery_attempts.reach_pickup,
        most_not_loaded=settings.delivery_attempts.load,
        rejected_wait=timedelta(seconds=times.retry),
        retry_wait=timedelta(seconds=times.retry),
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
        open_holds=limits.open_holds,
        renewals=limits.renewals,
        renewable_overdue=timedelta(days=terms.renewable_overdue_days),
        offer_period=timedelta(hours=terms.offer_hours),
        unaccepted_period=timedelta(hours=terms.unaccepted_hours),
        unattended_period=timedelta(hours=terms.unattended_hours),
        due_soon=timedelta(days=terms.due_soon_days),
        overdue_notice=timedelta(days=terms.overdue_notice_days),
        lending_desk=settings.desks.lending,
        returns_desk=settings.desks.returns,
    )


def policies(runtime: Runtime) -> Policies:
    """The limits of this process."""
    return _by(library_rules(runtime))


def policies_of(settings: Settings) -> Policies:
    """The same for a process that serves nobody, such as a worker."""
    return _by(LibraryRules(settings))


def _by(rules: LibraryRules) -> Policies:
    return lambda session: policy_of(rules.now(session))
