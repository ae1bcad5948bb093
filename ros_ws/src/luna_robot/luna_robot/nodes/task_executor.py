"""Carries deliveries out: action, services and topic `deliveries` around the delivery machine and its journal."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luna_interfaces.action import ExecuteDelivery
from luna_interfaces.msg import ControllerHeartbeat, Deliveries, RobotStatus, SafetyState
from luna_interfaces.srv import (
    CancelDelivery,
    ConfirmHandover,
    GetDelivery,
    GetJournal,
    ResolveRecovery,
    Resume,
    SetMaintenance,
    SetPaused,
    SetWaypoints,
)
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

from luna_robot import __version__, conversions
from luna_robot.battery import Battery, BatteryLimits
from luna_robot.delivery.events import Answer, Event, Facts, LegEnded, Now, Policy, PoseMissing, Step, Tick
from luna_robot.delivery.journal import Journal, JournalError, open_journal
from luna_robot.delivery.machine import moving_allowed, wanted_leg
from luna_robot.delivery.model import Delivery, Error, ExecutorState, Phase, Verdict
from luna_robot.delivery.sequencer import Sequencer, Surroundings
from luna_robot.faults import FaultLog
from luna_robot.navigation.gate import OperatorGate
from luna_robot.navigation.link import DriveOrder, Navigation
from luna_robot.nodes.attached_goals import AttachedGoals
from luna_robot.nodes.common import (
    LATCHED,
    RELIABLE,
    SENSOR,
    Heartbeat,
    JournalWriter,
    Worker,
    steady,
)
from luna_robot.nodes.parameters import Parameters
from luna_robot.nodes.polled import PolledSubscription
from luna_robot.nodes.reports import Markers
from luna_robot.parameters import TASK_EXECUTOR, Values, battery_limits, delivery_policy, keepout_zones
from luna_robot.safety.view import SafetyView
from luna_robot.status import RobotView, mode_of, own_faults
from luna_robot.stopwatch import Stopwatch
from luna_robot.waypoints import WaypointTable

UNHEARD = SafetyView(False, "", "", "", 0, True, ())


class TaskExecutor(Node):
    """One delivery at a time, exactly once.

    `tell` gets all of the robot's status but its velocity, at every tick and whenever it may be another one.
    """

    def __init__(self, navigation: Callable[[Node], Navigation]) -> None:
        super().__init__("task_executor")
        self.tell: Callable[[RobotStatus], None] = lambda _: None
        self.boot_id = str(uuid.uuid4())
        self.safety = UNHEARD
        self._navigation = navigation(self)
        self._ended: LegEnded | None = None
        self._waypoints = WaypointTable()
        self._configuration = Parameters(self, TASK_EXECUTOR, _settings, self._adopt)
        self._zones = keepout_zones(self._configuration.values)
        self._worker = Worker(self, "journal")
        self._journal, error = self._open_journal()
        self.battery = Battery(self._configuration.settings.battery, steady())
        self._locked, self._lock_heard, self._link_heard = True, float("-inf"), float("-inf")
        self._started = self._saved = steady()
        self._simulated = bool(self.get_parameter("use_sim_time").value)
        self._watch = Stopwatch()
        self.starting = True
        self._sequencer = self._make_sequencer(error)
        self._goals = AttachedGoals()
        self._gate = OperatorGate()
        self._faults = FaultLog()
        self._told_deliveries: tuple[object, ...] = ()
        self._deliveries = self.create_publisher(Deliveries, "deliveries", LATCHED)
        self._markers = Markers(self)
        self._heartbeat = Heartbeat(self, self._moving_allowed)
        self._offer()
        self._navigation.on_change = self._on_navigation

    def _open_journal(self) -> tuple[Journal | None, str]:
        path = Path(self._configuration["state_dir"] or Path.home() / ".ros" / "luna_robot") / "journal.sqlite3"
        try:
            return open_journal(path, lambda: str(uuid.uuid4())), ""
        except JournalError as error:
            self.get_logger().fatal(str(error))
            return None, str(error)

    def _make_sequencer(self, error: str) -> Sequencer:
        state = self._journal.state if self._journal else ExecutorState()
        if self._journal:
            self._use_waypoints(self._journal.waypoints)
        writer = JournalWriter(self._worker, JournalError)
        around = Surroundings(self.facts, self._now, self._on_applied, steady)
        return Sequencer(state, self._journal, writer, around, self._configuration.settings.policy, error)

    def _adopt(self, settings: _Settings) -> None:
        self._sequencer.policy, self.battery.limits = settings.policy, settings.battery

    def _offer(self) -> None:
        self.create_subscription(SafetyState, "safety_state", self._on_safety_state, LATCHED)
        self._lock = PolledSubscription(self, Bool, "estop", self._on_lock, RELIABLE)
        self.create_subscription(ControllerHeartbeat, "controller_heartbeat", self._on_link, RELIABLE)
        self.create_subscription(BatteryState, "battery_state", self._on_battery, SENSOR)
        self._action = ActionServer(
            self, ExecuteDelivery, "execute_delivery", self._on_goal, cancel_callback=lambda _: CancelResponse.REJECT
        )
        # While one call waits for the disk, everything else goes on; the sequencer takes one event after the other.
        self._while_waiting = ReentrantCallbackGroup()
        self._serve(ConfirmHandover, "confirm_handover", conversions.handover_confirmed)
        self._serve(CancelDelivery, "cancel_delivery", conversions.cancel_asked)
        self._serve(Resume, "resume", conversions.resume_asked)
        self._serve(SetPaused, "set_paused", conversions.pause_set)
        self._serve(SetMaintenance, "set_maintenance", conversions.maintenance_set)
        self._serve(ResolveRecovery, "resolve_recovery", conversions.recovery_resolved)
        self._serve(SetWaypoints, "set_waypoints", conversions.waypoints_set)
        self.create_service(GetDelivery, "get_delivery", self._on_get_delivery)
        self.create_service(GetJournal, "get_journal", self._on_get_journal, callback_group=self._while_waiting)

    # --- what is so now ---

    @property
    def state(self) -> ExecutorState:
        return self._sequencer.state

    @property
    def journal_id(self) -> str:
        return self._journal.journal_id if self._journal else ""

    @property
    def journal_error(self) -> str:
        return self._sequencer.journal_error

    def facts(self) -> Facts:
        """The world at this moment."""
        now, navigation = steady(), self._navigation.view()
        heard = now - self._lock_heard <= self._configuration["lock_silence"] and self.safety is not UNHEARD
        return Facts(
            boot_id=self.boot_id,
            safety_known=heard,
            motion_locked=self._locked or self.safety.motion_locked or not heard,
            estopped=self.safety.estopped,
            estop_id=self.safety.estop_id,
            estop_since=self.safety.since,
            safety_faults=self.safety.standstill_codes,
            link_up=now - self._link_heard <= self._configuration["link_silence"],
            localized=navigation.localized and "KIDNAPPED" not in self.safety.standstill_codes,
            navigation_ready=not navigation.missing,
            battery=self.battery.level(now),
            docked=navigation.docked,
        )

    # --- what comes in ---

    def _on_safety_state(self, message: SafetyState) -> None:
        self.safety = conversions.safety_view(message)
        self._lock.poll()
        self._react()

    def _on_lock(self, message: Bool) -> None:
        """The supervisor's signs of life; what has changed comes at once as its state."""
        self._locked, self._lock_heard = message.data, steady()

    def _on_link(self, message: ControllerHeartbeat) -> None:
        if message.epoch < self.state.epoch:
            return
        was_up = steady() - self._link_heard <= self._configuration["link_silence"]
        self._link_heard = steady()
        if not was_up:
            self._react()

    def _on_battery(self, message: BatteryState) -> None:
        charging = message.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_CHARGING
        self.battery.observe(message.percentage, charging, steady())

    def _on_navigation(self) -> None:
        """A leg's end stays told, so it is the first time that counts; other executors' legs are none of ours."""
        ended = self._navigation.view().ended
        if ended is not None and ended != self._ended and ended.boot_id == self.boot_id:
            self._ended = ended
            self._sequencer.submit(ended)

    def _react(self) -> None:
        """A fact has changed: stop at once if it says so, then let the machine decide."""
        self._act()
        self._sequencer.submit(Tick())

    def tick(self) -> None:
        """Lets time pass for the delivery in hand; every HEARTBEAT_PERIOD."""
        self._lock.poll()
        self._heartbeat.beat()
        self._sequencer.look()
        self._find_the_pose()
        self._sequencer.submit(Tick(self._watch.look(self._hand_over_time())))
        self._act()
        self._look_after_journal()
        self._goals.feed_back(self.state.active, self._navigation.view().progress)
        self._tell()

    def _find_the_pose(self) -> None:
        """After a start: wait a little for everything to be there, then say what is missing."""
        if not self.starting:
            return
        facts = self.facts()
        if facts.localized and facts.navigation_ready and facts.safety_known:
            self.starting = False
        elif steady() - self._started > self._configuration["pose_grace"]:
            self.starting = False
            if not facts.localized:
                self._sequencer.submit(PoseMissing())

    def _look_after_journal(self) -> None:
        """Timers are saved where some run; else it is enough that the journal is there."""
        active = self.state.active
        if steady() - self._saved < self._configuration["timer_save_period"]:
            return
        self._saved = steady()
        if self.journal_error or (active is not None and active.timer is not None):
            self._sequencer.save_timers()
        else:
            self._sequencer.check_journal()

    # --- what goes out ---

    def _on_applied(self, step: Step) -> None:
        if step.waypoints is not None:
            self._use_waypoints(step.waypoints)
        self._act()
        self._goals.finish(step.finished)
        if step.durable:
            self._heartbeat.beat()
            self._goals.feed_back(self.state.active, self._navigation.view().progress)
            self._tell()

    def _act(self) -> None:
        facts, state = self.facts(), self.state
        leg = wanted_leg(state, facts) if self._sequencer.may_drive else None
        allowed = self._sequencer.may_drive and moving_allowed(state, facts)
        refusal = self._gate.refusal(state, facts, allowed, steady())
        self._navigation.drive(DriveOrder(self.boot_id, leg, refusal, state.map_id, state.waypoints_version))

    def _use_waypoints(self, table: WaypointTable) -> None:
        self._waypoints = table
        self._navigation.use_waypoints(table)

    def _tell(self) -> None:
        """The status to whoever publishes it; the topic `deliveries` and markers where they have changed."""
        view = self._view()
        told = conversions.robot_status(view, self.get_clock().now().to_msg())
        self.tell(told)
        self._markers.show_waypoints(self._waypoints)
        self._markers.show_status(told, view.state.active.stop.pose if view.state.active else None)
        active = view.state.active
        delivery = active and (active.phase, active.changed_at, active.cancel_requested)
        shown = (delivery, view.state.recent, view.state.seq)
        if shown != self._told_deliveries:
            self._told_deliveries = shown
            self._deliveries.publish(conversions.deliveries(view))

    def _view(self) -> RobotView:
        """But the velocity."""
        state, facts, navigation = self.state, self.facts(), self._navigation.view()
        found = own_faults(state, facts, self.journal_error, navigation.missing)
        faults = self._faults.date([*self.safety.faults, *found], self.get_clock().now().nanoseconds)
        nearest = self._waypoints.nearest(navigation.pose) if navigation.pose else None
        return RobotView(
            robot_name=self._configuration["robot_name"],
            journal_id=self.journal_id,
            state=state,
            facts=facts,
            mode=mode_of(state, facts, faults, self.starting, self.battery.charging),
            faults=faults,
            progress=navigation.progress,
            pose=navigation.pose,
            nearest_waypoint=nearest.location_code if nearest else "",
            battery_percentage=self.battery.percentage,
            charging=self.battery.charging,
            estop_reason=self.safety.reason,
            estop_by=self.safety.by,
            software_version=__version__,
        )

    def _moving_allowed(self) -> bool:
        return self._sequencer.may_drive and moving_allowed(self.state, self.facts())

    def _now(self) -> Now:
        return Now(self.get_clock().now().nanoseconds, time.time_ns())

    def _hand_over_time(self) -> float:
        """Seconds of the simulation's clock where there is one, else of the steady clock."""
        if self._simulated:
            return float(self.get_clock().now().nanoseconds / 1e9)
        return steady()

    # --- action and services ---

    async def _on_goal(self, handle: ServerGoalHandle) -> ExecuteDelivery.Result:
        answer = await self._ask(conversions.goal_offered(handle.request, self._waypoints, self._zones))
        delivery: Delivery = answer.delivery
        if delivery.phase is not Phase.DONE:
            delivery = await self._goals.attach(handle, delivery)
        handle.succeed()
        return ExecuteDelivery.Result(state=conversions.delivery_state(delivery))

    def _ask(self, event: Event) -> Future:
        """The answer of the machine, when it holds."""
        future = Future()
        self._sequencer.submit(event, future.set_result)
        return future

    def _serve(self, service: Any, name: str, convert: Callable[[Any], Event]) -> None:
        async def on_call(request: Any, response: Any) -> Any:
            try:
                answer = await self._ask(convert(request))
            except conversions.Malformed as error:
                answer = Answer(Verdict.REFUSED, Error.MALFORMED, str(error), self.state.active)
            if hasattr(response, "version"):
                response.version = self.state.waypoints_version
            return conversions.fill_answer(response, answer, self._navigation.view().progress)

        self.create_service(service, name, on_call, callback_group=self._while_waiting)

    def _on_get_delivery(self, request: GetDelivery.Request, response: GetDelivery.Response) -> GetDelivery.Response:
        return conversions.fill_answer(response, self._find(request), self._navigation.view().progress)

    def _find(self, request: GetDelivery.Request) -> Answer:
        active = self.state.active
        if active and active.delivery_id == request.delivery_id and request.attempt in (0, active.attempt):
            return Answer(delivery=active)
        try:
            found = self._journal.finished(request.delivery_id, request.attempt) if self._journal else None
        except JournalError as error:
            return Answer(Verdict.REFUSED, Error.JOURNAL, str(error))
        if found is None:
            return Answer(Verdict.REFUSED, Error.UNKNOWN_DELIVERY, f"unknown delivery {request.delivery_id}")
        return Answer(delivery=found)

    async def _on_get_journal(self, request: GetJournal.Request, response: GetJournal.Response) -> GetJournal.Response:
        response.journal_id, response.newest_seq = self.journal_id, self.state.seq
        journal = self._journal
        if journal is None or self._sequencer.disk_hangs:
            return response
        future = Future()
        limit = min(request.limit or 100, 200)
        self._worker.submit(lambda: journal.entries(request.after_seq, limit), future.set_result)
        try:
            entries = (await future).result()
        except JournalError as error:
            self.get_logger().error(str(error))
            return response
        response.entries = [conversions.journal_entry(e) for e in entries if e.seq <= response.newest_seq]
        return response

    def close(self) -> None:
        """Nothing is driven and written any more."""
        self._worker.close()
        if self._journal is not None:
            self._journal.close()


@dataclass(frozen=True, slots=True)
class _Settings:
    policy: Policy
    battery: BatteryLimits


def _settings(values: Values) -> _Settings:
    return _Settings(delivery_policy(values), battery_limits(values))
