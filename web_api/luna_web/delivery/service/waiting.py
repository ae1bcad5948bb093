"""Periodic: robots that wait for somebody to take an item off, or to lay one on, are looked at, and staff told."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from luna_web.delivery import repository
from luna_web.delivery.domain.facts import Policy
from luna_web.delivery.domain.silence import needs_person
from luna_web.delivery.domain.states import Reason, TaskPhase
from luna_web.delivery.domain.waiting import waited
from luna_web.delivery.ledger import Cause, Ledger
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import facts_of
from luna_web.robot import service as robots

LOOK_EVERY = timedelta(seconds=20)
AT_ONCE = 100


def look_after_waits(session: Session, now: datetime, policy: Policy) -> int:
    """Alert of waits and hand the overdue ones to a person, a hundred at most; how many were looked at.

    To be run every half minute. Where an emergency stop holds a robot its wait stands still.
    """
    waiting = repository.lock_waiting(session, now - LOOK_EVERY, AT_ONCE)
    stopped = robots.standing_still(session, [rows.task.assigned_robot_id for rows in waiting])
    for rows in waiting:
        _look(session, rows, now, policy, stopped=rows.task.assigned_robot_id in stopped)
    session.flush()
    return len(waiting)


def _look(session: Session, rows: TaskRows, now: datetime, policy: Policy, *, stopped: bool) -> None:
    task = rows.task
    since, looked = task.waits_since, task.wait_looked_at
    if since is None:
        return
    task.wait_looked_at = now
    if stopped:
        task.waits_since = since + (now - max(looked or since, since))
        return
    wait = waited(facts_of(task), since, task.alerts, now, policy)
    ledger = Ledger(session, policy, Cause(now, task.trace_id))
    if wait.overdue:
        ledger.carry_out(rows, needs_person(facts_of(task), Reason.NOT_UNLOADED))
    elif wait.alerts > task.alerts:
        task.alerts = wait.alerts
        if task.phase == TaskPhase.AWAITING_LOAD:
            ledger.told(rows, "not_loaded")
        else:
            ledger.told(rows, "not_unloaded")
