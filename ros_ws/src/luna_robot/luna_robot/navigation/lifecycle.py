"""Whether a server of Nav2 is active: a lifecycle node offers its actions from the start, and refuses goals until then.

When it is reset it ends the goal in hand without a reason, as it does when another client sends one.

Some stacks have no such state: where nobody offers `get_state` the action server alone counts.
"""

from __future__ import annotations

from collections.abc import Callable

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.node import Node
from rclpy.task import Future

from luna_robot.navigation.action_drive import REFUSED
from luna_robot.navigation.deadlines import Deadlines
from luna_robot.navigation.port import DriveResult, DriveStatus, OnDone

ASKED_EVERY = 2.0
"""Seconds between two questions to a server that is active."""
ASKED_AGAIN_AFTER = 0.5
"""Seconds between two questions to one that is not yet."""
ANSWERED_WITHIN = 1.0
"""Seconds until a question is asked again: what a server answers whom it does not know yet is lost."""
SILENT_AFTER = 5.0
"""Seconds without any answer after which an active server counts as not active."""
NOT_READY = DriveResult(DriveStatus.NOT_READY, message="the server is not active yet")


class Lifecycle:
    """Of one server. Times in seconds of a steady clock, as far as `poll` has told."""

    def __init__(self, node: Node, server: str, deadlines: Deadlines) -> None:
        self.server = server
        self._deadlines = deadlines
        self._client = node.create_client(GetState, f"{server}/get_state")
        self._state = ""
        self._heard = self._next = float("-inf")
        self._now = 0.0
        self._asking = False

    def missing(self) -> str:
        """What is to be waited for; empty = it is active, or tells nobody whether it is."""
        if not self._client.service_is_ready():
            return ""
        if self._state != "active":
            return f"{self.server} ({self._state or 'no answer'})"
        return f"{self.server} (no answer)" if self._now - self._heard > SILENT_AFTER else ""

    def poll(self, now: float) -> None:
        """Ask now and then; often while it is not active."""
        self._now = now
        if not self._client.service_is_ready():
            self._state, self._next = "", now
        elif not self._asking and now >= self._next:
            self._asking = True
            self._ask(self._heard_regularly)

    def judged(self, on_done: OnDone) -> OnDone:
        """Where a goal is refused, or ends as if another client had the robot, the server is asked how it is.

        One that is being reset does both, and neither says anything of the way or of other clients.
        """

        def judge(result: DriveResult) -> None:
            doubtful = result is REFUSED or result.status is DriveStatus.PREEMPTED
            if not doubtful or not self._client.service_is_ready():
                on_done(result)
                return
            enough = ("active", "") if result.status is DriveStatus.PREEMPTED else ("active",)
            self._ask(lambda state: on_done(result if state in enough else NOT_READY))

        return judge

    def _heard_regularly(self, state: str) -> None:
        self._asking = False
        self._next = self._now + (ASKED_EVERY if state == "active" else ASKED_AGAIN_AFTER)

    def _ask(self, on_state: Callable[[str], None]) -> None:
        """Reports once: its state; empty = no answer in time."""
        future = self._client.call_async(GetState.Request())

        def too_late() -> None:
            self._client.remove_pending_request(future)
            on_state("")

        deadline = self._deadlines.after(ANSWERED_WITHIN, too_late)

        def answered(done: Future) -> None:
            self._deadlines.drop(deadline)
            told: State = done.result().current_state
            active = told.id == State.PRIMARY_STATE_ACTIVE
            self._state, self._heard = "active" if active else told.label or "inactive", self._now
            on_state(self._state)

        future.add_done_callback(answered)
