"""What a controller does next: the one action that brings a robot closer to what is wanted of it.

Pure: the same wanted, seen and now give the same action. What has been sent a moment ago and may still show its
effect comes in as `held`; it is passed over, so that one command that is refused does not hold up the others.
"""

from dataclasses import dataclass, field

from luna_web.robot.domain import BATTERY_FOR_NEW_DELIVERY, at_home, off_dock
from luna_web.robot.ports import (
    Cargo,
    Confirmation,
    DeliveryKind,
    Phase,
    RecoveryWanted,
    SeenDelivery,
    Settlement,
    Stop,
    WantedDelivery,
)
from luna_web.robot.seen import RobotMode, Seen
from luna_web.robot.wanted import StopState, WantedRobot

IDLE_BEFORE_HOME_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class EngageStop:
    stop_id: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class ReleaseStop:
    stop_id: str
    by: str


@dataclass(frozen=True, slots=True)
class Resume:
    stop_id: str
    by: str


@dataclass(frozen=True, slots=True)
class Cancel:
    task_id: str
    attempt: int
    reason: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Confirm:
    task_id: str
    attempt: int
    confirmation: Confirmation
    trace_id: str


@dataclass(frozen=True, slots=True)
class Recover:
    """A person's word for the delivery that waits for one: go on, or bring the item back."""

    task_id: str
    recovery: RecoveryWanted
    trace_id: str


@dataclass(frozen=True, slots=True)
class Settle:
    """A person has ended this delivery; the item is off the robot."""

    settlement: Settlement


@dataclass(frozen=True, slots=True)
class SetPaused:
    paused: bool
    by: str


@dataclass(frozen=True, slots=True)
class SetMaintenance:
    maintenance: bool
    by: str


@dataclass(frozen=True, slots=True)
class SetWaypoints:
    map_id: str
    version: int


@dataclass(frozen=True, slots=True)
class SendGoal:
    delivery: WantedDelivery
    boot_id: str
    journal_id: str


@dataclass(frozen=True, slots=True)
class Park:
    home: Stop
    boot_id: str


@dataclass(frozen=True, slots=True)
class Undock:
    """Back off the dock and stand at `off`. One is like another, however the pose wanders meanwhile."""

    off: Stop = field(compare=False)
    boot_id: str


@dataclass(frozen=True, slots=True)
class JournalLost:
    """The robot took the task, and now has a new journal that does not know it."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to do, or nothing that can be done; `reason` says which."""

    reason: str


Command = (
    EngageStop
    | ReleaseStop
    | Resume
    | Cancel
    | Confirm
    | Recover
    | Settle
    | SetPaused
    | SetMaintenance
    | SetWaypoints
    | SendGoal
    | Park
    | Undock
    | JournalLost
)
Action = Command | Nothing


def reconcile(wanted: WantedRobot, seen: Seen | None, now: float, held: frozenset[Command] = frozenset()) -> Action:
    """The one next action. Stopping comes first, then what people say of a delivery, then new work.

    `now` is the steady clock that `seen` was stamped with, seconds.
    """
    obstacle = _why_unreachable(wanted, seen, now)
    if obstacle or seen is None:
        return Nothing(obstacle or "never heard")
    rules = (_stop, _resume, _settle, _cancel, _stray, _confirm, _recover, _settings, _waypoints, _goal, _undock, _home)
    reason = "as wanted"
    for rule in rules:
        action = rule(wanted, seen, now)
        if isinstance(action, Nothing):
            reason = action.reason
        elif action is not None and action not in held:
            return action
    return Nothing(reason)


def why_not_free(wanted: WantedRobot, seen: Seen | None, now: float) -> str | None:
    """Why a robot cannot be given a task now; None = it can."""
    if seen is None or not seen.fresh(now):
        return "no fresh status"
    if wanted.delivery is not None:
        return "has a task"
    if wanted.stop.state is not StopState.NONE or wanted.paused or wanted.maintenance or wanted.send_home:
        return "a person wants something else of it"
    if wanted.settlements:
        return "a delivery of its is settled, and it has not taken that yet"
    robot = seen.robot
    if robot.cargo is Cargo.PRESENT:
        return "an item is on board"
    if robot.battery is None or robot.battery < max(BATTERY_FOR_NEW_DELIVERY, wanted.min_battery):
        return "battery low or unknown"
    if robot.takes_nothing_new:
        return "it has a fault"
    return _why_no_goal(seen)


def _why_unreachable(wanted: WantedRobot, seen: Seen | None, now: float) -> str | None:
    if seen is None:
        return "never heard"
    if not seen.fresh(now):
        return "no fresh status"
    if seen.robot.robot_name != wanted.robot_name:
        return f"the robot at the other end calls itself {seen.robot.robot_name!r}"
    return None


def _stop(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    stop, robot = wanted.stop, seen.robot
    if stop.state is StopState.ENGAGE and not robot.estopped:
        return EngageStop(stop.stop_id, stop.reason, stop.by)
    if stop.state is StopState.RELEASE and robot.estopped and robot.estop_id == stop.stop_id:
        return ReleaseStop(stop.stop_id, stop.by)
    return None


def _resume(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    resume, robot = wanted.resume, seen.robot
    if resume and robot.suspended and not robot.estopped and robot.estop_id == resume.stop_id:
        return Resume(resume.stop_id, resume.by)
    return None


def _cancel(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    task = wanted.delivery
    if task is None or task.cancel is None or seen.deliveries is None:
        return None
    known = seen.deliveries.find(str(task.task_id), task.attempt)
    if known and (known.finished or known.cancel_requested):
        return Nothing("the cancel is being carried out")
    return Cancel(str(task.task_id), task.attempt, task.cancel.reason, task.trace_id)


def _settle(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    """Until the robot has answered: it says so each time, also of what it has never heard of."""
    return Settle(wanted.settlements[0]) if wanted.settlements else None


def _recover(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    """Once for each wait: a robot that waits again has met something that nobody has looked at."""
    task, active = wanted.delivery, _in_hand(wanted, seen)
    if task is None or task.recovery is None or active is None or active.phase is not Phase.AWAITING_RECOVERY:
        return None
    if active.changed_at != task.recovery.changed_at:
        return Nothing("it waits for a person anew")
    return Recover(str(task.task_id), task.recovery, task.trace_id)


def _stray(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    """A delivery that counts no longer: given to another robot while this one was silent, or ended without it."""
    active = seen.deliveries.active if seen.deliveries else None
    if active is None or active.kind is not DeliveryKind.DELIVERY or active.finished or active.cancel_requested:
        return None
    if any(active.delivery_id == str(settled.task_id) for settled in wanted.settlements):
        return None  # a person has ended it; a cancel would send the robot back with an item that it has not
    task = wanted.delivery
    if _earlier_attempt(active, task) and active.phase not in (Phase.AWAITING_LOAD, Phase.CLEARING):
        return None  # the goal of the later attempt replaces it, or it has the item and goes on
    if task is not None and (active.delivery_id, active.attempt) == (str(task.task_id), task.attempt):
        return None
    return Cancel(active.delivery_id, active.attempt, "no longer wanted", active.delivery_id)


def _confirm(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    task, active = wanted.delivery, _in_hand(wanted, seen)
    if task is None or active is None or active.handover_seq == 0:
        return None
    for confirmation in reversed(task.confirmations):
        if confirmation.handover_seq == active.handover_seq:
            return Confirm(str(task.task_id), task.attempt, confirmation, task.trace_id)
    return None


def _settings(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    if wanted.paused != seen.robot.paused:
        return SetPaused(wanted.paused, wanted.by)
    if wanted.maintenance != seen.robot.maintenance and not seen.robot.carries_out_delivery:
        return SetMaintenance(wanted.maintenance, wanted.by)
    return None


def _waypoints(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    if wanted.waypoints_version == 0:
        return None
    other_map = wanted.map_id != seen.robot.map_id
    if other_map or wanted.waypoints_version > seen.robot.waypoints_version:
        return SetWaypoints(wanted.map_id, wanted.waypoints_version)
    return None


def _goal(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    task = wanted.delivery
    if task is None or task.cancel is not None:
        return None
    if seen.deliveries is None:
        return Nothing("what the robot has in hand is not known yet")
    if seen.deliveries.journal_id != seen.robot.journal_id or seen.deliveries.boot_id != seen.robot.boot_id:
        return Nothing("status and deliveries are of different runs of the robot")
    known = seen.deliveries.find(str(task.task_id), task.attempt)
    if known is not None:
        return Nothing("the robot is done with it" if known.finished else "the robot carries it out")
    sent = wanted.goal_sent
    if sent is None or (sent.task_id, sent.attempt) != (str(task.task_id), task.attempt):
        return Nothing("the goal is not written down yet")
    if sent.journal_id != seen.robot.journal_id:
        return JournalLost(str(task.task_id))
    obstacle = _why_no_goal(seen, task)
    return Nothing(obstacle) if obstacle else SendGoal(task, seen.robot.boot_id, seen.robot.journal_id)


def _undock(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    robot = seen.robot
    if not wanted.undock or not robot.docked or wanted.delivery is not None or robot.delivery_id:
        return None
    if wanted.paused or wanted.maintenance or _why_no_goal(seen):
        return None
    return Undock(Stop(robot.nearest_waypoint or "DOCK", off_dock(robot.pose)), robot.boot_id)


def _home(wanted: WantedRobot, seen: Seen, now: float) -> Action | None:
    robot = seen.robot
    if wanted.home is None or at_home(wanted.home, robot) or wanted.delivery is not None or robot.delivery_id:
        return None
    if wanted.undock:
        return None
    idle = seen.idle_since is not None and now - seen.idle_since >= IDLE_BEFORE_HOME_SECONDS
    if not (wanted.send_home or idle) or wanted.paused or wanted.maintenance or _why_no_goal(seen):
        return None
    return Park(wanted.home, robot.boot_id)


def _in_hand(wanted: WantedRobot, seen: Seen) -> SeenDelivery | None:
    """The wanted delivery, if the robot is carrying it out."""
    task = wanted.delivery
    active = seen.deliveries.active if seen.deliveries else None
    if task is None or active is None or active.finished:
        return None
    return active if (active.delivery_id, active.attempt) == (str(task.task_id), task.attempt) else None


def _why_no_goal(seen: Seen, task: WantedDelivery | None = None) -> str | None:
    """Why the robot would refuse any goal now; None = it would take one."""
    robot = seen.robot
    if robot.estopped or robot.suspended:
        return "stopped, and not resumed"
    if robot.maintenance or robot.paused:
        return "in maintenance or paused"
    if robot.mode in (RobotMode.STARTING, RobotMode.RECOVERY, RobotMode.ERROR):
        return f"mode {robot.mode}"
    if not robot.localized:
        return "it does not know where it is"
    if not robot.link_up:
        return "it has not heard our heartbeat yet"
    active = seen.deliveries.active if seen.deliveries else None
    if active and active.kind is DeliveryKind.DELIVERY and not active.finished and not _gives_way(active, task):
        return "it carries out another delivery"
    return None


def _gives_way(active: SeenDelivery, task: WantedDelivery | None) -> bool:
    """An earlier attempt, on its way to be loaded. Where somebody may be loading it is cancelled first (`_stray`)."""
    return _earlier_attempt(active, task) and active.phase is Phase.TO_PICKUP


def _earlier_attempt(active: SeenDelivery, task: WantedDelivery | None) -> bool:
    return task is not None and active.delivery_id == str(task.task_id) and active.attempt < task.attempt
