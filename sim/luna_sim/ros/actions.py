"""One robot's actions: navigation, planning and docking as Nav2 offers them, and docking as a Create 3 does."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import PoseStamped
from irobot_create_msgs.action import Dock, Undock
from nav2_msgs.action import (
    ComputePathToPose,
    DockRobot,
    FollowWaypoints,
    NavigateThroughPoses,
    NavigateToPose,
    UndockRobot,
)
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.executors import Executor
from rclpy.task import Future

from luna_sim.core.geometry import Pose
from luna_sim.core.navigation import NavigateTask
from luna_sim.core.outcome import Code, Ending, Outcome, failed
from luna_sim.core.path import Path
from luna_sim.core.planner import PlanError
from luna_sim.core.task import EndedTask, Task
from luna_sim.core.world import World
from luna_sim.ros import messages
from luna_sim.ros.goal_messages import feedback_of, result_of
from luna_sim.ros.robot_node import RobotNode

PLANNERS = ("", "GridBased")
"""What a path may be asked of: the one planner, by the name that it has in LUNA's parameters of Nav2, or without."""
MOST_POSES = 20
"""Poses of one goal through which a robot drives: planning past them holds up everything else, 50 ms each."""
_TOO_MANY_POSES = 300
"""ComputePathThroughPoses' UNKNOWN: Nav2 has no bound, and so no code for it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """A goal under way."""

    task: Task
    handle: ServerGoalHandle
    ended: Future


class RobotActions:
    """The action servers of one robot. A new goal of any motion takes over from the one before."""

    def __init__(self, node: RobotNode, world: World, guard: threading.RLock, executor: Executor) -> None:
        self._robot = node.robot
        self._world = world
        self._guard = guard
        self._executor = executor
        self._runs: dict[bytes, _Run] = {}
        for action, name, start in (
            (NavigateToPose, "navigate_to_pose", self._navigate),
            (NavigateThroughPoses, "navigate_through_poses", self._navigate_through),
            (FollowWaypoints, "follow_waypoints", self._follow_waypoints),
            (DockRobot, "dock_robot", self._dock),
            (UndockRobot, "undock_robot", self._undock),
            (Dock, "dock", self._dock_by_base),
            (Undock, "undock", self._undock_by_base),
        ):
            self._serve(node, action, name, start)
        ActionServer(node, ComputePathToPose, "compute_path_to_pose", self._plan)

    def settle(self) -> None:
        """Let goals whose task has ended end too; called with the guard held."""
        for run in self._runs.values():
            if run.task.outcome is not None and not run.ended.done():
                run.ended.set_result(run.task.outcome)
                self._executor.wake()

    def publish_feedback(self) -> None:
        """Tell clients how far each goal is; called with the guard held."""
        for run in self._runs.values():
            if run.task.outcome is not None:
                continue
            feedback = feedback_of(run.handle.request, run.task, self._robot, self._world)
            if feedback is not None:
                run.handle.publish_feedback(feedback)

    def _serve(self, node: RobotNode, action: Any, name: str, start: Callable[[Any], Task]) -> None:
        ActionServer(
            node,
            action,
            name,
            self._execute,
            handle_accepted_callback=lambda handle: self._accepted(handle, start),
            cancel_callback=self._cancel,
        )

    def _accepted(self, handle: ServerGoalHandle, start: Callable[[Any], Task]) -> None:
        with self._guard:
            run = _Run(start(handle.request), handle, Future(executor=self._executor))
            self._runs[bytes(handle.goal_id.uuid)] = run
            self.settle()
        handle.execute()

    async def _execute(self, handle: ServerGoalHandle) -> Any:
        key = bytes(handle.goal_id.uuid)
        run = self._runs[key]
        outcome: Outcome = await run.ended
        with self._guard:
            del self._runs[key]
        _end_goal(handle, outcome)
        return result_of(handle.request, run.task, outcome, self._robot)

    def _cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        with self._guard:
            run = self._runs.get(bytes(handle.goal_id.uuid))
            if run is None or run.task.outcome is not None:
                return CancelResponse.REJECT
            self._robot.cancel(run.task)
            self.settle()
        return CancelResponse.ACCEPT

    def _navigate(self, goal: NavigateToPose.Goal) -> Task:
        if _in_map(goal.pose):
            return self._world.navigate(self._robot.name, messages.pose_from(goal.pose.pose))
        if isinstance(self._goal_in_hand(), NavigateToPose.Goal) and isinstance(self._robot.task, NavigateTask):
            # NavigateToPoseNavigator::onPreempt: the old goal is aborted before it is seen that the new one can't be
            # had, and the new one is then told of what becomes of the old one's pose.
            return self._world.navigate(self._robot.name, self._robot.task.goal)
        return _refused(Code.NONE, _elsewhere(goal.pose))

    def _navigate_through(self, goal: NavigateThroughPoses.Goal) -> Task:
        if len(goal.poses) > MOST_POSES:
            return _refused(_TOO_MANY_POSES, f"{len(goal.poses)} poses; the simulator plans past {MOST_POSES} at most")
        wrong = next((pose for pose in goal.poses if not _in_map(pose)), None)
        if wrong is not None:
            task = _refused(Code.NONE, _elsewhere(wrong))
            if isinstance(self._goal_in_hand(), NavigateThroughPoses.Goal):
                # NavigateThroughPosesNavigator::onPreempt throws, which fails both.
                self._robot.start(task)
            return task
        return self._world.navigate_through(self._robot.name, [messages.pose_from(p.pose) for p in goal.poses])

    def _follow_waypoints(self, goal: FollowWaypoints.Goal) -> Task:
        poses = [messages.pose_from(p.pose) if _in_map(p) else None for p in goal.poses]
        return self._world.follow_waypoints(
            self._robot.name, poses, loops=goal.number_of_loops, first=goal.goal_index
        )

    def _dock(self, goal: DockRobot.Goal) -> Task:
        if not goal.use_dock_id and not _in_map(goal.dock_pose):
            return _refused(DockRobot.Result.UNKNOWN, _elsewhere(goal.dock_pose))
        dock = self._dock_pose(goal)
        if dock is None:
            return _refused(Code.DOCK_NOT_IN_DB, f"no dock is called {goal.dock_id!r}")
        return self._world.dock(
            self._robot.name, dock, drive_there=goal.navigate_to_staging_pose, drive_time=goal.max_staging_time
        )

    def _undock(self, goal: UndockRobot.Goal) -> Task:
        return self._world.undock(self._robot.name, goal.max_undocking_time)

    def _dock_by_base(self, _goal: Dock.Goal) -> Task:
        dock = messages.dock_in_sight(self._robot, self._world.floor)
        if dock is None:
            return _refused(Code.FAILED_TO_CONTROL, "no dock is in sight")
        limit = self._world.parameters.dock.timeout
        return self._world.dock(self._robot.name, dock, drive_there=False, drive_time=limit)

    def _undock_by_base(self, _goal: Undock.Goal) -> Task:
        if self._robot.dock is None:
            return _refused(Code.FAILED_TO_CONTROL, "it stands on no dock")
        return self._world.undock(self._robot.name, self._world.parameters.dock.timeout)

    def _dock_pose(self, goal: DockRobot.Goal) -> Pose | None:
        if goal.use_dock_id:
            return self._world.floor.docks.get(goal.dock_id)
        return messages.pose_from(goal.dock_pose.pose)

    def _goal_in_hand(self) -> Any:
        """The goal for which the robot does what it does; None if it does nothing."""
        task = self._robot.task
        return next((run.handle.request for run in self._runs.values() if run.task is task), None)

    async def _plan(self, handle: ServerGoalHandle) -> ComputePathToPose.Result:
        goal, result = handle.request, ComputePathToPose.Result()
        began = time.perf_counter()
        try:
            with self._guard:
                path, ns = self._path(goal), self._world.time_ns
        except PlanError as error:
            handle.abort()
            result.error_code, result.error_msg = int(error.code), str(error)
            return result
        result.path = messages.path_msg(path, ns)
        result.planning_time = messages.duration_msg(time.perf_counter() - began)
        handle.succeed()
        return result

    def _path(self, goal: ComputePathToPose.Goal) -> Path:
        """Raises PlanError; called with the guard held."""
        for pose in (goal.start, goal.goal) if goal.use_start else (goal.goal,):
            if not _in_map(pose):
                raise PlanError(Code.TF_ERROR, _elsewhere(pose))
        if goal.planner_id not in PLANNERS:
            there = f"no planner is called {goal.planner_id!r}; there is {PLANNERS[1]}"
            raise PlanError(ComputePathToPose.Result.INVALID_PLANNER, there)
        start = messages.pose_from(goal.start.pose) if goal.use_start else self._robot.localization.estimate
        return self._world.plan(start, messages.pose_from(goal.goal.pose))


def _refused(code: int, message: str) -> Task:
    """A goal that can't even begin; whatever the robot does goes on, as under Nav2."""
    return EndedTask(failed(code, message))


def _in_map(pose: PoseStamped) -> bool:
    return bool(pose.header.frame_id == messages.MAP)


def _elsewhere(pose: PoseStamped) -> str:
    return f"frame {pose.header.frame_id!r} is not {messages.MAP!r}"


def _end_goal(handle: ServerGoalHandle, outcome: Outcome) -> None:
    if outcome.ending is Ending.SUCCEEDED:
        handle.succeed()
    elif outcome.ending is Ending.CANCELED:
        handle.canceled()
    else:
        handle.abort()
