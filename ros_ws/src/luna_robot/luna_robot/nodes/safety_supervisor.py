"""Stops the robot: `set_emergency_stop`, the lock topic `estop`, and a watch over nodes, hazards and the pose."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

from geometry_msgs.msg import PoseWithCovarianceStamped
from irobot_create_msgs.msg import HazardDetectionVector, KidnapStatus
from luna_interfaces.msg import NodeHeartbeat, SafetyState
from luna_interfaces.srv import SetEmergencyStop
from nav_msgs.msg import Odometry
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import Bool
from tf2_msgs.msg import TFMessage

from luna_robot import conversions
from luna_robot.faults import Fault, FaultLog, Severity
from luna_robot.navigation.localization import Localization
from luna_robot.navigation.transforms import TransformTree
from luna_robot.nodes.base import Base
from luna_robot.nodes.common import LATCHED, NEWEST, RELIABLE, SENSOR, Heartbeat, steady
from luna_robot.nodes.latch_keeper import LatchKeeper
from luna_robot.nodes.parameters import Parameters
from luna_robot.nodes.polled import PolledSubscription
from luna_robot.nodes.waypoint_navigator import BASE, MAP, ODOM, TF_QOS
from luna_robot.parameters import SAFETY_SUPERVISOR, WrongParameter, localization_limits, sense_limits, supervision
from luna_robot.safety.bounds import Breach, breaches
from luna_robot.safety.kidnapping import Kidnapping
from luna_robot.safety.latch import LatchAnswer, Stop
from luna_robot.safety.senses import HANDS, HAZARDS, Senses
from luna_robot.safety.view import SafetyView
from luna_robot.safety.watch import Watch, WatchLimits
from luna_robot.sole import InUse

LOCK_PERIOD = 0.1
PUBLISHERS_EVERY = 5
"""Beats between two looks at who publishes: who goes is missed no later for it, who comes is seen half a second on."""


class SafetySupervisor(Node):
    """The first thing that it says is whether a stop is latched; until every node was heard it is locked.

    Raises WrongParameter, also where another one runs in the same `state_dir`.
    """

    def __init__(self) -> None:
        super().__init__("safety_supervisor")
        parameters = Parameters(self, SAFETY_SUPERVISOR, supervision)
        self._bounds = parameters.settings
        self._tree = TransformTree()
        folder = Path(parameters["state_dir"] or Path.home() / ".ros" / "luna_robot")
        try:
            self._latch = LatchKeeper(self, folder / "safety.json", self._look)
        except InUse as error:
            self.destroy_node()
            raise WrongParameter(f"parameter state_dir: another safety supervisor runs: {error}") from None
        self._faults = FaultLog()
        self._watch = Watch(parameters["nodes"], WatchLimits(parameters["heartbeat_silence"]))
        self._senses = Senses(sense_limits(parameters.values))
        self._kidnapping = Kidnapping()
        self._localization = Localization(localization_limits(parameters.values))
        self._beats = 0
        self._told: SafetyView | None = None
        self._lock = self.create_publisher(Bool, "estop", RELIABLE)
        self._state = self.create_publisher(SafetyState, "safety_state", LATCHED)
        self._heartbeat = Heartbeat(self)
        stamped, taken = parameters["enable_stamped_cmd_vel"], self._latch.latch.power_taken
        self._base = Base(self, stamped=stamped, power_taken=taken, on_power=self._remember_power)
        # While one call waits for the disk, everything else goes on: further stops, hazards, the lock's signs of life.
        self.create_service(
            SetEmergencyStop, "set_emergency_stop", self._on_set, callback_group=ReentrantCallbackGroup()
        )
        self._look()
        self._subscribe()
        self.create_timer(LOCK_PERIOD, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _subscribe(self) -> None:
        self._beats_of_nodes = PolledSubscription(self, NodeHeartbeat, "node_heartbeat", self._on_heartbeat, RELIABLE)
        self._changes = {
            HAZARDS: self.create_subscription(HazardDetectionVector, HAZARDS, self._on_hazards, SENSOR),
            HANDS: self.create_subscription(KidnapStatus, HANDS, self._on_kidnap, SENSOR),
        }
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
        self._kidnapping.observe_lifted(message.is_kidnapped)
        if message.is_kidnapped and not self._latch.latch.kidnapped:
            self._set_kidnapped(True)

    def _on_initial_pose(self, message: PoseWithCovarianceStamped) -> None:
        refusal = self._kidnapping.observe_given(message.header.frame_id, conversions.pose(message.pose.pose))
        if refusal:
            self.get_logger().warning(f"initialpose ignored: {refusal}")
        self._look_after_kidnapping()

    def _on_amcl_pose(self, message: PoseWithCovarianceStamped) -> None:
        self._localization.observe_covariance(*conversions.variances(message))
        self._kidnapping.observe_estimate(conversions.pose(message.pose.pose))
        self._look_after_kidnapping()

    def _look_after_kidnapping(self) -> None:
        if self._latch.latch.kidnapped and self._kidnapping.over:
            self._set_kidnapped(False)

    def _set_kidnapped(self, kidnapped: bool) -> None:
        self._latch.change(kidnapped=kidnapped)
        self._look()
        self._latch.keep()

    def _on_odom(self, message: Odometry) -> None:
        twist = message.twist.twist
        self._senses.observe_odometry(steady())
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
        self._latch.keep()

    # --- what it says ---

    def _on_timer(self) -> None:
        self._beats += 1
        self._beats_of_nodes.poll()
        self._odometry.poll()
        self._tf.poll()
        if self._beats % PUBLISHERS_EVERY == 1:
            told_of = [topic for topic, heard in self._changes.items() if heard.get_publisher_count()]
            self._senses.observe_publishers(told_of, steady())
        localized, pose = self._localization.localized(steady()), self._tree.pose_of(BASE, MAP)
        self._watch.observe_localized(localized)
        if localized and pose is not None:
            self._heed(self._bounds.observe_pose(pose))
        locked = self._look().motion_locked
        self._base.switch_power(self._latch.latch.engaged)
        self._lock.publish(Bool(data=locked))
        self._base.hold(locked)
        if self._beats % 2 == 0:
            self._heartbeat.beat()
        if self._beats % 10 == 0:
            self._state.publish(conversions.safety_state(self._view()))
            self._latch.try_again()
        self._latch.keep()

    def _look(self) -> SafetyView:
        """Tell at once what has changed; a new lock is preceded and followed by a zero velocity."""
        view, told = self._view(), self._told
        if view == told:
            return view
        self._told = view
        locks = view.motion_locked and (told is None or not told.motion_locked)
        if locks:
            self._base.stand()
        if told is None or view.motion_locked != told.motion_locked:
            self._lock.publish(Bool(data=view.motion_locked))
        self._state.publish(conversions.safety_state(view))
        if locks:
            self._base.stand()
        return view

    def _view(self) -> SafetyView:
        latch = self._latch.latch
        faults = self._faults.date(self._found(), self.get_clock().now().nanoseconds)
        locked = latch.engaged or bool(faults) or self._watch.standstill_demanded()
        stop = latch.stops[0] if latch.stops else Stop("", "", "", 0)
        return SafetyView(latch.engaged, latch.estop_id, stop.reason, stop.by, latch.since, locked, faults)

    def _found(self) -> list[Fault]:
        latch, now = self._latch.latch, steady()
        found = [*self._watch.faults(now), *self._senses.faults(now), *breaches(latch.stops, self.get_name())]
        if latch.kidnapped:
            found.append(Fault("KIDNAPPED", Severity.FATAL, "moved by hand: give the robot its pose"))
        if self._latch.unsaved:
            found.append(Fault("LATCH_NOT_SAVED", Severity.FATAL, self._latch.unsaved))
        return found

    # --- the emergency stop ---

    async def _on_set(
        self, request: SetEmergencyStop.Request, response: SetEmergencyStop.Response
    ) -> SetEmergencyStop.Response:
        answer = await (self._engage(request) if request.engage else self._release(request))
        latch = self._latch.latch
        response.verdict, response.error_code = int(answer.verdict), int(answer.error)
        response.message, response.estop_id = answer.message, latch.estop_id if latch.engaged else ""
        return response

    async def _engage(self, request: SetEmergencyStop.Request) -> LatchAnswer:
        """First the zero velocity, then the disk. Always taken, also without a name."""
        estop_id = request.estop_id[:64] or str(uuid.uuid4())
        answer = self._stop(Stop(estop_id, request.reason[:256], request.by[:128], time.time_ns()))
        await self._latch.save()
        return answer

    def _stop(self, stop: Stop) -> LatchAnswer:
        answer = self._latch.engage(stop)
        self._watch.observe_stop()
        self._base.stand()
        self._look()
        self._base.switch_power(cut=True)
        return answer

    async def _release(self, request: SetEmergencyStop.Request) -> LatchAnswer:
        """First the disk, then the motors. Another stop may have been engaged meanwhile: that one holds."""
        answer = await self._latch.release(request.estop_id)
        self._base.switch_power(self._latch.latch.engaged)
        self._look()
        return answer

    def _remember_power(self) -> None:
        self._latch.change(power_taken=self._base.power_taken)
        self._latch.keep()

    def close(self) -> None:
        """Nothing is written any more."""
        self._latch.close()
