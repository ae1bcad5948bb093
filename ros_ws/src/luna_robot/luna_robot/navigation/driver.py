"""Drives one leg after another through the port: undocks first, tries again with clean costmaps, gives up in the end.

Level-triggered: `want` says what should be driven now, as often as anyone likes; `LegEnded` is reported once per leg.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from luna_robot.delivery.events import LegEnded, LegResult
from luna_robot.delivery.machine import Leg
from luna_robot.delivery.model import Arrival
from luna_robot.geometry import Pose
from luna_robot.navigation.port import Drive, DriveResult, DriveStatus, Navigator, Progress

NOT_READY_TRIES = 30
"""Goals of one leg that a server which is not active may refuse before that counts as a failure: a minute with the
usual pause. The executor wants nothing driven in the meantime; who sends an operator's goal is told in the end."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    attempts: int = 3
    pause: float = 2.0
    """Seconds between a failure and the next attempt."""
    stuck_after: float = 60.0
    """Seconds without displacement."""
    stuck_within: float = 0.3
    """Metres that count as displacement."""


class Doing(Enum):
    NOTHING = "nothing"
    UNDOCKING = "undocking"
    DRIVING = "driving"
    DOCKING = "docking"
    HALTING = "halting"
    """The drive was cancelled; its end has not come yet."""
    CALLING_OFF = "calling off"
    """The navigation did not answer: whatever it drives is cancelled, again and again, until it says that it was."""
    CLEARING = "clearing costmaps"
    PAUSING = "pausing"


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the robot is, as far as driving needs it. `now` in seconds of the hand-over clock."""

    now: float
    pose: Pose | None
    docked: bool


class LegDriver:
    def __init__(self, navigator: Navigator, policy: RetryPolicy, on_ended: Callable[[LegEnded], None]) -> None:
        self._navigator = navigator
        self._policy = self._next_policy = policy
        self._on_ended = on_ended
        self._wanted: Leg | None = None
        self._leg: Leg | None = None
        self._doing = Doing.NOTHING
        self._drive: Drive | None = None
        self._token = 0
        self._failures = 0
        self._not_ready = 0
        self._stuck = False
        self._resume_at = 0.0
        self._mark: tuple[Pose | None, float] = (None, 0.0)
        self._situation = Situation(0.0, None, False)
        self._ended_leg: tuple[str, int] | None = None
        self._others_due = False

    @property
    def doing(self) -> Doing:
        return self._doing

    @property
    def wanted(self) -> Leg | None:
        """What is to be driven now."""
        return self._wanted

    @property
    def progress(self) -> Progress:
        """Of the leg in hand. Where the navigator does not say, the straight line."""
        if self._leg is None or self._wanted is None:
            return Progress()
        progress = self._drive.progress if self._drive else Progress()
        if progress.distance_remaining is None and self._situation.pose is not None:
            return replace(progress, distance_remaining=self._situation.pose.distance_to(self._leg.pose))
        return progress

    def adopt(self, policy: RetryPolicy) -> None:
        """From the next leg on."""
        self._next_policy = policy

    def want(self, leg: Leg | None) -> None:
        """Drive this leg now; None = stand still. A leg that has ended is not driven again."""
        if leg is not None and leg.name == self._ended_leg:
            leg = None
        if leg == self._wanted:
            return
        self._wanted = leg
        self._settle()

    def call_off_all(self) -> None:
        """Cancel whatever the navigation drives, whoever asked for it; nothing begins before it says that it is over.

        A drive of our own is cancelled by `want`; when it has ended it is the others' turn.
        """
        self._others_due = True
        if self._doing in (Doing.NOTHING, Doing.PAUSING):
            self._call_off_others()

    def observe(self, situation: Situation) -> None:
        """Time has passed: the watchdog looks, and a pause may be over."""
        self._situation = situation
        if self._doing in (Doing.DRIVING, Doing.DOCKING, Doing.UNDOCKING):
            self._watch_displacement()
        elif self._doing is Doing.PAUSING and situation.now >= self._resume_at:
            self._doing = Doing.NOTHING
            self._settle()

    def _settle(self) -> None:
        """Bring what is done nearer to what is wanted."""
        if self._doing is Doing.NOTHING:
            if self._wanted is not None:
                self._begin(self._wanted)
        elif self._doing is Doing.PAUSING:
            self._doing = Doing.NOTHING
            if self._wanted != self._leg:
                self._settle()
        elif self._doing in (Doing.DRIVING, Doing.DOCKING, Doing.UNDOCKING) and self._wanted != self._leg:
            self._change_course()

    def _change_course(self) -> None:
        wanted = self._wanted
        if wanted is not None and self._doing is Doing.DRIVING and wanted.arrival is Arrival.NONE:
            self._begin(wanted)
        elif wanted is None or self._doing is not Doing.UNDOCKING:
            self._halt()

    def _begin(self, leg: Leg) -> None:
        if self._leg is None or self._leg.name != leg.name:
            self._failures, self._not_ready, self._policy = 0, 0, self._next_policy
        self._leg, self._stuck = leg, False
        self._mark = (self._situation.pose, self._situation.now)
        if self._already_docked_there(leg):
            self._end(LegResult.ARRIVED, "")
        elif self._situation.docked:
            self._start(Doing.UNDOCKING, leg)
        else:
            self._start(Doing.DOCKING if leg.arrival is Arrival.DOCK else Doing.DRIVING, leg)

    def _already_docked_there(self, leg: Leg) -> bool:
        pose = self._situation.pose
        near = pose is not None and pose.distance_to(leg.pose) < 0.5
        return leg.arrival is Arrival.DOCK and self._situation.docked and near

    def _start(self, doing: Doing, leg: Leg) -> None:
        self._doing = doing
        self._token += 1
        token = self._token

        def done(result: DriveResult) -> None:
            if token == self._token:
                self._drive_done(result)

        if doing is Doing.UNDOCKING:
            drive = self._navigator.undock(done)
        elif doing is Doing.DOCKING:
            drive = self._navigator.dock(leg.pose, done)
        else:
            drive = self._navigator.go_to(leg.pose, done)
        if token == self._token:
            self._drive = drive

    def _halt(self) -> None:
        self._doing = Doing.HALTING
        if self._drive is not None:
            self._drive.cancel()

    def _drive_done(self, result: DriveResult) -> None:
        done, self._drive = self._doing, None
        self._token += 1
        if result.status is DriveStatus.LOST or self._others_due:
            self._call_off(done, result)
        else:
            self._conclude(done, result)

    def _call_off_others(self) -> None:
        self._doing, self._others_due = Doing.CALLING_OFF, False

        def answered(over: bool) -> None:
            if over:
                self._doing = Doing.NOTHING
                self._settle()
            else:
                self._call_off_others()

        self._navigator.cancel_all(answered)

    def _call_off(self, done: Doing, result: DriveResult) -> None:
        """Nobody knows whether the robot still drives: nothing else begins before everything is known to be over."""
        self._doing, self._others_due = Doing.CALLING_OFF, False

        def answered(over: bool) -> None:
            if over:
                self._conclude(done, result)
            else:
                self._call_off(done, result)

        self._navigator.cancel_all(answered)

    def _conclude(self, done: Doing, result: DriveResult) -> None:
        self._doing = Doing.NOTHING
        if done is Doing.UNDOCKING and result.status is DriveStatus.SUCCEEDED:
            self._situation = replace(self._situation, docked=False)
            self._settle()
        elif done is Doing.HALTING:
            self._halted(result)
        elif result.status is DriveStatus.SUCCEEDED:
            self._end(LegResult.ARRIVED, "")
        elif result.status in (DriveStatus.PREEMPTED, DriveStatus.CANCELED):
            self._end(LegResult.PREEMPTED, "another client took over the navigation")
        elif result.status is DriveStatus.NOT_READY and self._not_ready < NOT_READY_TRIES:
            self._not_ready += 1
            self._pause()
        else:
            self._failed(LegResult.FAILED, result.message or f"navigation error {result.error_code}")

    def _halted(self, result: DriveResult) -> None:
        """A cancelled drive has ended. It may have arrived in the meantime, which counts."""
        if result.status is DriveStatus.SUCCEEDED and self._leg and self._leg.arrival is Arrival.NONE:
            self._end(LegResult.ARRIVED, "")
        elif self._stuck:
            self._stuck = False
            self._failed(LegResult.NO_PROGRESS, f"no displacement in {self._policy.stuck_after:.0f} s")
        else:
            self._settle()

    def _failed(self, why: LegResult, message: str) -> None:
        """Again with clean costmaps, so many times."""
        if self._wanted is None or self._wanted != self._leg:
            self._settle()
            return
        self._failures += 1
        if self._failures >= self._policy.attempts:
            self._end(why, message)
            return
        self._doing = Doing.CLEARING
        self._navigator.clear_costmaps(self._costmaps_cleared)

    def _costmaps_cleared(self) -> None:
        self._pause()

    def _pause(self) -> None:
        self._doing = Doing.PAUSING
        self._resume_at = self._situation.now + self._policy.pause
        if self._others_due:
            self._call_off_others()
        elif self._wanted != self._leg:
            self._settle()

    def _end(self, result: LegResult, message: str) -> None:
        leg, self._doing = self._leg, Doing.NOTHING
        if leg is None:
            return
        self._ended_leg = leg.name
        if self._wanted is not None and self._wanted.name == leg.name:
            self._wanted = None
        self._on_ended(LegEnded(leg.number, result, message, leg.boot_id))
        self._settle()

    def _watch_displacement(self) -> None:
        pose, now = self._situation.pose, self._situation.now
        marked, since = self._mark
        moved = pose is not None and (marked is None or pose.distance_to(marked) >= self._policy.stuck_within)
        if moved or now < since:
            self._mark = (pose, now)
        elif now - since >= self._policy.stuck_after:
            self._stuck = True
            self._halt()
