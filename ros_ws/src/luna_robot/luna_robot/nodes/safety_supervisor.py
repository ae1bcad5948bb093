"""Stops the robot: `set_emergency_stop`, the lock topic `estop`, and a watch over nodes, hazards and the pose."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import Future as ThreadFuture
from dataclasses import replace
from pathlib import Path

from geometry_msgs.msg import PoseWithCovarianceStamped, TwistStamped
from irobot_create_msgs.msg import HazardDetectionVector, KidnapStatus
from irobot_create_msgs.srv import EStop
from luna_interfaces.msg import NodeHeartbeat, SafetyState
from luna_interfaces.srv import SetEmergencyStop
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import Bool
from tf2_msgs.msg import TFMessage

from luna_robot import conversions
from luna_robot.delivery.model import Error, Verdict
from luna_robot.faults import Fault, FaultLog, Severity
from luna_robot.navigation.localization import Localization
from luna_robot.navigation.transforms import TransformTree
from luna_robot.nodes.common import LATCHED, NEWEST, RELIABLE, SENSOR, Heartbeat, Worker, steady
from luna_robot.nodes.parameters import Parameters
from luna_robot.nodes.polled import PolledSubscription
from luna_robot.nodes.waypoint_navigator import BASE, MAP, ODOM, TF_QOS
from luna_robot.parameters import SAFETY_SUPERVISOR, bounds, localization_limits
from luna_robot.safety.bounds import Breach, breaches
from luna_robot.safety.latch import Latch, LatchAnswer, Stop, engage, load_latch, release, save_latch
from luna_robot.safety.power import Order, PowerSwitch
from luna_robot.safety.view import SafetyView
from luna_robot.safety.watch import Watch, WatchLimits

LOCK_PERIOD = 0.1


class SafetySupervisor(Node):
    """The first thing that it says is whether a stop is latched; until every node was heard it is locked."""

    def __init__(self) -> None:
        super().__init__("safety_supervisor")
        parameters = Parameters(self, SAFETY_SUPERVISOR, bounds)
        self._bounds = parameters.settings
        self._tree = TransformTree()
        self._path = Path(parameters["state_dir"] or Path.home() / ".ros" / "luna_robot") / "safety.json"
        self._latch = load_latch(self._path, time.time_ns())
        self._written = self._latch
        self._unsaved = ""
        self._saving = 0
        self._power = PowerSwitch(self._latch.power_taken)
        self._worker = Worker(self, "latch")
        self._faults = FaultLog()
        self._watch = Watch(parameters["nodes"], WatchLimits(parameters["heartbeat_silence"]))
        self._localization = Localization(localization_limits(parameters.values))
        self._beats = 0
        self._told: SafetyView | None = None
        self._advertise()
        self._look()
        self._subscribe()
        self.create_service(SetEmergencyStop, "set_emergency_stop", self._on_set)
        self.create_timer(LOCK_PERIOD, self._on_timer)

    def _advertise(self) -> None:
        self._lock = self.create_publisher(Bool, "estop", RELIABLE)
        self._state = self.create_publisher(SafetyState, "safety_state", LATCHED)
        self._velocity = self.create_publisher(TwistStamped, "cmd_vel", RELIABLE)
        self._heartbeat = Heartbeat(self)
        self._create3 = self.create_client(EStop, "e_stop")

    def _subscribe(self) -> None:
        self._beats_of_nodes = PolledSubscription(self, NodeHeartbeat, "node_heartbeat", self._on_heartbeat, RELIABLE)
        self.create_subscription(HazardDetectionVector, "hazard_detection", self._on_hazards, SENSOR)
        self.create_subscription(KidnapStatus, "kidnap_status", self._on_kidnap, SENSOR)
        self.create_subscription(PoseWithCovarianceStamped, "initialpose", self._on_initial_pose, RELIABLE)
        self.create_subscription(PoseWithCovarianceStamped, "amcl_pose", self._on_amcl_pose, LATCHED)
        self._odometry = PolledSubscription(self, Odometry, "odom", self._on_odom, NEWEST)
        self._tf = PolledSubscription(self, TFMessage, "tf", self._on_tf, TF_QOS)

    # --- what it sees ---

    def _on_heartbeat(self, message: NodeHeartbeat) -> None:
        self._watch.observe_heartbeat(message.node, message.moving_allowed, steady())

    def _on_hazards(self, message: HazardDetectionVector) -> None:
        self._watch.observe_hazards(hazard.type for hazard in message.detections)
        self._look()

    def _on_kidnap(self, message: KidnapStatus) -> None:
        if message.is_kidnapped and not self._latch.kidnapped:
            self._set_kidnapped(True)

    def _on_initial_pose(self, _: PoseWithCovarianceStamped) -> None:
        if self._latch.kidnapped:
            self._set_kidnapped(False)

    def _set_kidnapped(self, kidnapped: bool) -> None:
        self._latch = replace(self._latch, kidnapped=kidnapped)
        self._look()
        self._write(self._latch)

    def _on_amcl_pose(self, message: PoseWithCovarianceStamped) -> None:
        self._localization.observe_covariance(*conversions.variances(message))

    def _on_odom(self, message: Odometry) -> None:
        twist = message.twist.twist
        self._watch.observe_velocity(twist.linear.x, twist.angular.z)
        self._heed(self._bounds.observe_speed(twist.linear.x))

    def _on_tf(self, message: TFMessage) -> None:
        for stamped in message.transforms:
            transform = conversions.transform(stamped)
            self._tree.put(transform)
            if (transform.parent, transform.child) == (MAP, ODOM):
                self._localization.observe_transform(transform.stamp, steady())

    def _heed(self, breach: Breach | None) -> None:
        """An emergency stop of its own, like anyone's: latched until a person who has seen to it releases it."""
        if breach is None:
            return
        self.get_logger().error(breach.text)
        self._stop(Stop(f"{breach.code}-{uuid.uuid4()}", breach.text, self.get_name(), time.time_ns()))
        self._keep()

    # --- what it says ---

    def _on_timer(self) -> None:
        self._beats += 1
        self._beats_of_nodes.poll()
        self._odometry.poll()
        self._tf.poll()
        localized, pose = self._localization.localized(steady()), self._tree.pose_of(BASE, MAP)
        self._watch.observe_localized(localized)
        if localized and pose is not None:
            self._heed(self._bounds.observe_pose(pose))
        self._look()
        self._switch_power()
        self._lock.publish(Bool(data=self._view().motion_locked))
        if self._beats % 2 == 0:
            self._heartbeat.beat()
        if self._beats % 10 == 0:
            self._state.publish(conversions.safety_state(self._view()))
            if self._unsaved and not self._saving:
                self._write(self._latch)
        self._keep()

    def _look(self) -> None:
        """Tell at once what has changed; a new lock is preceded by a zero velocity."""
        view, told = self._view(), self._told
        if view == told:
            return
        self._told = view
        if view.motion_locked and (told is None or not told.motion_locked):
            self._velocity.publish(self._zero())
        if told is None or view.motion_locked != told.motion_locked:
            self._lock.publish(Bool(data=view.motion_locked))
        self._state.publish(conversions.safety_state(view))

    def _zero(self) -> TwistStamped:
        message = TwistStamped()
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = "base_link"
        return message

    def _view(self) -> SafetyView:
        latch = self._latch
        faults = self._faults.date(self._found(), self.get_clock().now().nanoseconds)
        locked = latch.engaged or bool(faults) or self._watch.standstill_demanded()
        stop = latch.stops[0] if latch.stops else Stop("", "", "", 0)
        return SafetyView(latch.engaged, latch.estop_id, stop.reason, stop.by, latch.since, locked, faults)

    def _found(self) -> list[Fault]:
        found = self._watch.faults(steady())
        found += breaches(self._latch.stops, self.get_name())
        if self._latch.kidnapped:
            found.append(Fault("KIDNAPPED", Severity.FATAL, "moved by hand: give the robot its pose"))
        if self._unsaved:
            found.append(Fault("LATCH_NOT_SAVED", Severity.FATAL, self._unsaved))
        return found

    # --- the emergency stop ---

    async def _on_set(
        self, request: SetEmergencyStop.Request, response: SetEmergencyStop.Response
    ) -> SetEmergencyStop.Response:
        answer = await (self._engage(request) if request.engage else self._release(request))
        response.verdict, response.error_code = int(answer.verdict), int(answer.error)
        response.message, response.estop_id = answer.message, self._latch.estop_id if self._latch.engaged else ""
        return response

    async def _engage(self, request: SetEmergencyStop.Request) -> LatchAnswer:
        """First the zero velocity, then the disk. Always taken, also without a name."""
        estop_id = request.estop_id[:64] or str(uuid.uuid4())
        answer = self._stop(Stop(estop_id, request.reason[:256], request.by[:128], time.time_ns()))
        await self._write(self._latch)
        return answer

    def _stop(self, stop: Stop) -> LatchAnswer:
        answer = engage(self._latch, stop)
        self._latch = answer.latch
        self._watch.observe_stop()
        self._velocity.publish(self._zero())
        self._look()
        self._switch_power()
        return answer

    async def _release(self, request: SetEmergencyStop.Request) -> LatchAnswer:
        """First the disk, then the motors. Another stop may have been engaged meanwhile: that one holds."""
        answer = release(self._latch, request.estop_id)
        if answer.verdict is not Verdict.ACCEPTED:
            return answer
        error = await self._write(answer.latch)
        if error:
            return LatchAnswer(self._latch, Verdict.REFUSED, Error.JOURNAL, error)
        self._latch = release(self._latch, request.estop_id).latch
        self._switch_power()
        self._keep()
        self._look()
        return answer

    def _keep(self) -> None:
        """Save what has changed since it was last saved."""
        if self._latch != self._written:
            self._write(self._latch)

    def _write(self, latch: Latch) -> Future:
        """Save it, in the order of the calls; the result is what went wrong, empty if nothing did."""
        self._written = latch
        self._saving += 1
        saved = Future()

        def done(job: ThreadFuture[None]) -> None:
            self._saving -= 1
            error = job.exception()
            if error is not None and not isinstance(error, OSError):
                raise error
            self._unsaved = f"the latch can't be saved: {error}" if error else ""
            self._look()
            saved.set_result(self._unsaved)

        self._worker.submit(lambda: save_latch(self._path, latch), done)
        return saved

    def _switch_power(self) -> None:
        """Create 3's own emergency stop, where it exists."""
        if not self._create3.service_is_ready():
            self._power.away()
            return
        order = self._power.order(self._latch.engaged, steady())
        if order is not None:
            self._remember_power()
            call = self._create3.call_async(EStop.Request(e_stop_on=order.cut))
            call.add_done_callback(lambda answer: self._on_power(order, answer))

    def _on_power(self, order: Order, answer: Future) -> None:
        self._power.answered(order, bool(answer.result().success))
        self._remember_power()
        self._keep()

    def _remember_power(self) -> None:
        self._latch = replace(self._latch, power_taken=self._power.taken)

    def close(self) -> None:
        """Nothing is written any more."""
        self._worker.close()
