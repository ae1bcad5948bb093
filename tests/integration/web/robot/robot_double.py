"""A robot's interface under real ROS 2, without a robot: a process of the ROS environment, used in tests only.

It keeps the delivery contract as far as a controller can tell (identity of goals, hand-over numbers, latched stops),
"drives" for a fraction of a second, prints what it is told as JSON lines, and takes JSON lines on standard input:
`{"set": {"battery_percentage": 0.1}}` changes status fields, `{"silent": true}` stops publishing,
`{"await_recovery": true}` has it wait for a person, `{"reboot": true}` is a new run,
`{"lose_journal": true}` a new disk, `{"mark": 1}` is told back.
"""

import json
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field

import rclpy
from geometry_msgs.msg import TwistStamped
from luna_interfaces.action import ExecuteDelivery
from luna_interfaces.msg import ControllerHeartbeat, Deliveries, DeliveryState, DeliveryStop, RobotStatus
from luna_interfaces.srv import (
    CancelDelivery,
    ConfirmHandover,
    ResolveRecovery,
    Resume,
    SetEmergencyStop,
    SetMaintenance,
    SetPaused,
    SetWaypoints,
)
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from std_srvs.srv import Empty

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, reliability=ReliabilityPolicy.RELIABLE)
DRIVE_SECONDS = 0.15
ACCEPTED, ALREADY, REFUSED = 0, 1, 2
S = DeliveryState


def tell(event: str, **details: object) -> None:
    print(json.dumps({"event": event, "at": time.time(), **details}), flush=True)


@dataclass
class Running:
    """The delivery in hand: its state, its stops, and the futures of the goals attached to it."""

    state: DeliveryState
    stops: list
    ended: list[Future] = field(default_factory=list)


class RobotDouble(Node):
    def __init__(self, name: str) -> None:
        super().__init__("robot_double", namespace=f"/{name}")
        self.status = RobotStatus(
            robot_name=name, boot_id=str(uuid.uuid4()), journal_id=str(uuid.uuid4()), mode=RobotStatus.MODE_DOCKED,
            battery_percentage=0.9, docked=True, localized=True, nearest_waypoint="DOCK-1", cargo=S.CARGO_ABSENT,
            software_version="double",
        )  # fmt: skip
        self.status.header.frame_id = "map"
        self.running: Running | None = None
        self.recent: list[DeliveryState] = []
        self.handovers = 0
        self.silent = False
        self.heard_at = -10.0
        group = ReentrantCallbackGroup()
        self.status_out = self.create_publisher(RobotStatus, "status", LATCHED)
        self.deliveries_out = self.create_publisher(Deliveries, "deliveries", LATCHED)
        self.create_subscription(ControllerHeartbeat, "controller_heartbeat", self.heartbeat, 1)
        self.create_subscription(TwistStamped, "cmd_vel", lambda _: tell("cmd_vel"), 1)
        self.create_service(SetEmergencyStop, "set_emergency_stop", self.set_stop)
        self.create_service(Resume, "resume", self.resume)
        self.create_service(SetPaused, "set_paused", self.set_paused)
        self.create_service(SetMaintenance, "set_maintenance", self.set_maintenance)
        self.create_service(SetWaypoints, "set_waypoints", self.set_waypoints)
        self.create_service(ConfirmHandover, "confirm_handover", self.confirm)
        self.create_service(CancelDelivery, "cancel_delivery", self.cancel)
        self.create_service(ResolveRecovery, "resolve_recovery", self.resolve)
        self.create_service(Empty, "shut_down_navigation", self.forbidden)
        # rosbridge cancels the goals of a client that is gone; a delivery ends through `cancel_delivery` alone.
        self.server = ActionServer(
            self, ExecuteDelivery, "execute_delivery", self.execute, callback_group=group,
            cancel_callback=lambda _: CancelResponse.REJECT,
        )  # fmt: skip
        self.foreign = ActionServer(self, ExecuteDelivery, "navigate_to_pose", self.foreign_goal, callback_group=group)
        self.create_timer(0.2, self.publish)
        self.publish()
        self.publish_deliveries()

    def heartbeat(self, message: ControllerHeartbeat) -> None:
        tell("heartbeat", epoch=message.epoch)
        self.heard_at = time.monotonic()
        self.status.epoch = max(self.status.epoch, message.epoch)
        if not self.status.link_up:
            self.publish()

    def publish(self) -> None:
        status = self.status
        status.link_up = time.monotonic() - self.heard_at < 5
        state = self.running.state if self.running else S()
        status.delivery_id, status.attempt, status.kind = state.delivery_id, state.attempt, state.kind
        status.phase, status.handover_seq = state.phase, state.handover_seq
        status.mode = self.mode(state)
        status.header.stamp = self.get_clock().now().to_msg()
        if not self.silent:
            self.status_out.publish(status)

    def mode(self, state: DeliveryState) -> int:
        if self.status.estopped:
            return RobotStatus.MODE_ESTOPPED
        if self.status.suspended:
            return RobotStatus.MODE_SUSPENDED
        if self.status.maintenance:
            return RobotStatus.MODE_MAINTENANCE
        if self.status.paused:
            return RobotStatus.MODE_PAUSED
        if state.phase == S.PHASE_AWAITING_LOAD:
            return RobotStatus.MODE_WAITING_LOAD
        if state.phase == S.PHASE_AWAITING_UNLOAD:
            return RobotStatus.MODE_WAITING_UNLOAD
        if state.delivery_id:
            return RobotStatus.MODE_NAVIGATING
        return RobotStatus.MODE_DOCKED if self.status.docked else RobotStatus.MODE_IDLE

    def publish_deliveries(self) -> None:
        if self.silent:
            return
        message = Deliveries(
            robot_name=self.status.robot_name, boot_id=self.status.boot_id, journal_id=self.status.journal_id,
            journal_seq=self.status.journal_seq, recent=self.recent,
        )  # fmt: skip
        if self.running:
            message.active = self.running.state
        self.deliveries_out.publish(message)

    def changed(self) -> None:
        self.status.journal_seq += 1
        self.publish_deliveries()
        self.publish()

    async def execute(self, handle) -> ExecuteDelivery.Result:
        goal = handle.request
        tell("goal", delivery_id=goal.delivery_id, attempt=goal.attempt, epoch=goal.epoch, kind=goal.kind,
             boot_id=goal.boot_id, stops=[stop.waypoint for stop in goal.stops])  # fmt: skip
        state = await self.outcome_of(goal)
        handle.succeed()
        return ExecuteDelivery.Result(state=state)

    async def outcome_of(self, goal: ExecuteDelivery.Goal) -> DeliveryState:
        key = (goal.delivery_id, goal.attempt)
        for state in self.recent:
            if (state.delivery_id, state.attempt) == key:
                return state
        running = self.running
        if running is None or running.state.kind == S.KIND_PARK:
            if goal.boot_id != self.status.boot_id or self.status.estopped or self.status.suspended:
                return S(delivery_id=goal.delivery_id, attempt=goal.attempt, phase=S.PHASE_DONE,
                         outcome=S.OUTCOME_REJECTED, error_code=S.ERROR_WRONG_BOOT)  # fmt: skip
            running = self.start(goal)
        elif (running.state.delivery_id, running.state.attempt) != key:
            return S(delivery_id=goal.delivery_id, attempt=goal.attempt, phase=S.PHASE_DONE,
                     outcome=S.OUTCOME_REJECTED, error_code=S.ERROR_BUSY)  # fmt: skip
        ended = Future()
        running.ended.append(ended)
        return await ended

    def start(self, goal: ExecuteDelivery.Goal) -> Running:
        tell("started", delivery_id=goal.delivery_id, attempt=goal.attempt)
        if self.running:
            self.finish(S.OUTCOME_CANCELLED)
        state = S(delivery_id=goal.delivery_id, attempt=goal.attempt, kind=goal.kind, cargo=S.CARGO_ABSENT)
        self.running = Running(state, list(goal.stops))
        self.status.docked = False
        parks = goal.kind == S.KIND_PARK
        self.enter(S.PHASE_PARKING if parks else S.PHASE_TO_PICKUP)
        return self.running

    def enter(self, phase: int) -> None:
        state = self.running.state
        state.phase = phase
        if phase in (S.PHASE_AWAITING_LOAD, S.PHASE_AWAITING_UNLOAD):
            self.handovers += 1
            state.handover_seq = self.handovers
        else:
            state.handover_seq = 0
            self.drive(state, phase)
        tell("phase", delivery_id=state.delivery_id, phase=phase, handover_seq=state.handover_seq)
        self.changed()

    def drive(self, state: DeliveryState, phase: int) -> None:
        then = {S.PHASE_TO_PICKUP: S.PHASE_AWAITING_LOAD, S.PHASE_TO_DROPOFF: S.PHASE_AWAITING_UNLOAD}

        def arrive() -> None:
            timer.cancel()
            if self.running is None or self.running.state is not state or state.phase != phase:
                return
            if phase == S.PHASE_PARKING:
                self.status.docked = self.running.stops[-1].arrival == DeliveryStop.ARRIVAL_DOCK
                self.finish(S.OUTCOME_SUCCEEDED)
            else:
                self.enter(then[phase])

        timer = self.create_timer(DRIVE_SECONDS, arrive)

    def finish(self, outcome: int) -> None:
        running, self.running = self.running, None
        running.state.phase, running.state.outcome, running.state.handover_seq = S.PHASE_DONE, outcome, 0
        self.recent = [running.state, *self.recent][:16]
        tell("done", delivery_id=running.state.delivery_id, attempt=running.state.attempt, outcome=outcome)
        for future in running.ended:
            future.set_result(running.state)
        self.changed()

    def confirm(self, request, response):
        state = self.running.state if self.running else S()
        fits = state.delivery_id == request.delivery_id and state.handover_seq == request.handover_seq != 0
        tell("confirm", delivery_id=request.delivery_id, handover_seq=request.handover_seq, by=request.by, taken=fits)
        if not fits:
            response.verdict, response.error_code = REFUSED, S.ERROR_WRONG_HANDOVER
        elif state.phase == S.PHASE_AWAITING_LOAD:
            state.cargo = S.CARGO_PRESENT
            self.enter(S.PHASE_TO_DROPOFF)
        else:
            state.cargo = S.CARGO_ABSENT
            self.finish(S.OUTCOME_SUCCEEDED)
        response.state = state
        return response

    def cancel(self, request, response):
        tell("cancel", delivery_id=request.delivery_id, attempt=request.attempt)
        state = self.running.state if self.running else S()
        if state.delivery_id == request.delivery_id:
            self.finish(S.OUTCOME_CANCELLED)
        else:
            state = S(delivery_id=request.delivery_id, attempt=request.attempt, phase=S.PHASE_DONE,
                      outcome=S.OUTCOME_CANCELLED, error_code=S.ERROR_TOMBSTONE)  # fmt: skip
            self.recent = [state, *self.recent][:16]
            self.changed()
        response.state = state
        return response

    def resolve(self, request, response):
        """As the executor: an item that was removed ends a delivery in any phase; the rest needs one that waits."""
        state = self.running.state if self.running else S()
        tell("resolve", delivery_id=request.delivery_id, resolution=request.resolution, by=request.by)
        waits = state.phase == S.PHASE_AWAITING_RECOVERY
        if state.delivery_id != request.delivery_id:
            known = [done for done in self.recent if done.delivery_id == request.delivery_id]
            response.verdict, state = (ALREADY, known[0]) if known else (REFUSED, S())
            response.error_code = 0 if known else S.ERROR_UNKNOWN_DELIVERY
        elif request.resolution == request.CARGO_REMOVED:
            state.cargo = S.CARGO_ABSENT
            self.finish(S.OUTCOME_FAILED)
        elif not waits:
            response.verdict = ALREADY if request.resolution == request.RESUME else REFUSED
            response.error_code = 0 if request.resolution == request.RESUME else S.ERROR_WRONG_PHASE
        else:
            self.enter(S.PHASE_TO_DROPOFF if state.cargo == S.CARGO_PRESENT else S.PHASE_TO_PICKUP)
        response.state = state
        return response

    def set_stop(self, request, response):
        tell("estop", engage=request.engage, estop_id=request.estop_id)
        status = self.status
        if request.engage:
            response.verdict = ALREADY if status.estopped else ACCEPTED
            if not status.estopped:
                status.estopped = status.suspended = True
                status.estop_id, status.estop_reason, status.estop_by = request.estop_id, request.reason, request.by
        elif status.estopped and status.estop_id != request.estop_id:
            response.verdict, response.error_code = REFUSED, S.ERROR_WRONG_ESTOP
        else:
            response.verdict = ACCEPTED if status.estopped else ALREADY
            status.estopped = False
        response.estop_id = status.estop_id if status.estopped else ""
        self.publish()
        return response

    def resume(self, request, response):
        tell("resume", estop_id=request.estop_id)
        if self.status.estopped or self.status.estop_id != request.estop_id:
            response.verdict, response.error_code = REFUSED, S.ERROR_WRONG_ESTOP
            return response
        self.status.suspended, self.status.estop_id = False, ""
        self.publish()
        return response

    def set_paused(self, request, response):
        tell("paused", paused=request.paused)
        self.status.paused = request.paused
        self.publish()
        return response

    def set_maintenance(self, request, response):
        tell("maintenance", maintenance=request.maintenance)
        self.status.maintenance = request.maintenance
        self.publish()
        return response

    def set_waypoints(self, request, response):
        tell("waypoints", map_id=request.map_id, version=request.version, count=len(request.waypoints))
        self.status.map_id, self.status.waypoints_version = request.map_id, request.version
        response.version = request.version
        self.publish()
        return response

    def forbidden(self, request, response):
        tell("forbidden_service")
        return response

    def foreign_goal(self, handle) -> ExecuteDelivery.Result:
        tell("foreign_goal")
        handle.succeed()
        return ExecuteDelivery.Result()

    def obey(self, line: str) -> None:
        order = json.loads(line)
        if "mark" in order:
            tell("mark", mark=order["mark"])
            return
        for name, value in order.get("set", {}).items():
            setattr(self.status, name, value)
        self.silent = order.get("silent", self.silent)
        if order.get("await_recovery") and self.running:
            state = self.running.state
            state.phase, state.handover_seq = S.PHASE_AWAITING_RECOVERY, 0
            state.changed_at = self.get_clock().now().to_msg()
        if order.get("lose_journal"):
            self.status.journal_id, self.running, self.recent = str(uuid.uuid4()), None, []
        if order.get("reboot") or order.get("lose_journal"):
            self.status.boot_id = str(uuid.uuid4())
        self.changed()


def main() -> None:
    rclpy.init(args=[])
    node = RobotDouble(sys.argv[1])
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def read() -> None:
        for line in sys.stdin:
            executor.create_task(node.obey, line)

    threading.Thread(target=read, daemon=True).start()
    tell("ready")
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
