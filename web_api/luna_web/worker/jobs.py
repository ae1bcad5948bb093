"""All periodic jobs, and how often each is done. `./luna admin jobs` tells what they came to."""

from collections.abc import Sequence
from datetime import timedelta

from luna_web.delivery.jobs import CirculationJobs
from luna_web.delivery.policies import policies_of
from luna_web.robot import status_log
from luna_web.shared.audit import forget_months, make_months
from luna_web.shared.clock import Clock
from luna_web.shared.config import Settings
from luna_web.worker.periodic import EachStep, PeriodicJob, Step
from luna_web.worker.retention import retention
from luna_web.worker.waits import waits

AT_ONCE = timedelta(seconds=10)
MINUTELY = timedelta(minutes=1)
OFTEN = timedelta(minutes=10)
HOURLY = timedelta(hours=1)
DAILY = timedelta(days=1)


def all_jobs(settings: Settings, clock: Clock) -> Sequence[PeriodicJob]:
    jobs = CirculationJobs(clock, timedelta(days=settings.reader_retention_days), policies_of(settings))
    requests = (
        EachStep("expired", jobs.unaccepted, jobs.expire_request),
        EachStep("ended", jobs.unattended, jobs.end_request),
    )
    return (
        PeriodicJob("holds.offer", AT_ONCE, (EachStep("queues", jobs.queues_that_move, jobs.move_queue),)),
        PeriodicJob("holds.lapse", MINUTELY, (EachStep("offers", jobs.lapsed_offers, jobs.lapse_offer),)),
        PeriodicJob("requests", MINUTELY, requests),
        PeriodicJob("loans.notices", OFTEN, (Step("notices", jobs.give_notices),)),
        PeriodicJob("loans.forget", HOURLY, (EachStep("readers", jobs.loans_to_forget, jobs.forget_reader),)),
        waits(settings, clock),
        PeriodicJob("robots.log", HOURLY, robots_log(settings, clock)),
        PeriodicJob("audit.months", DAILY, audit_months(settings, clock)),
        retention(settings, clock),
    )


def audit_months(settings: Settings, clock: Clock) -> tuple[Step, ...]:
    kept = timedelta(days=settings.audit_retention_days)
    return (
        Step("made", make_months),
        Step("forgotten", lambda session: forget_months(session, clock.now() - kept)),
    )


def robots_log(settings: Settings, clock: Clock) -> tuple[Step, ...]:
    log, usage = timedelta(days=settings.robot_log_retention_days), timedelta(days=settings.robot_usage_retention_days)
    return (
        Step("partitions", lambda session: status_log.make_partitions(session, clock.now())),
        Step("forgotten", lambda session: status_log.forget_old(session, clock.now(), log)),
        Step("usage", lambda session: status_log.forget_usage(session, clock.now() - usage)),
    )
