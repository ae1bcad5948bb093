"""A server that answers nothing is owed no more goals than it holds, and drives none of them when it wakes up."""

from __future__ import annotations

import gc
import time
import weakref
from contextlib import closing
from typing import Any

import rclpy
from nav2_msgs.action import NavigateToPose
from rclpy.action import ActionClient, ActionServer, CancelResponse
from rclpy.context import Context
from rclpy.node import Node

from luna_executor import LeanExecutor
from luna_robot.navigation.action_drive import ANSWER_WITHIN, LOST, QUEUED, ActionDrive, Overdue
from luna_robot.navigation.deadlines import Deadlines
from tests.domains import Domain

SENT = QUEUED + 5


def test_goals_of_a_mute_server_are_lost_one_by_one_and_those_that_it_accepts_late_are_cancelled():
    with closing(Domain()) as domain:
        context = Context()
        rclpy.init(context=context, domain_id=domain.number)
        ours, nav2 = (Node(name, context=context) for name in ("ours", "bt_navigator"))
        executor = LeanExecutor(context=context)
        executor.add_node(ours)
        cancelled: list[bytes] = []
        accepted: list[bytes] = []

        def on_cancel(handle: Any) -> CancelResponse:
            cancelled.append(bytes(handle.goal_id.uuid))
            return CancelResponse.ACCEPT

        server = ActionServer(
            nav2, NavigateToPose, "navigate_to_pose", lambda _: None, cancel_callback=on_cancel,
            handle_accepted_callback=lambda handle: accepted.append(bytes(handle.goal_id.uuid)),
        )  # fmt: skip
        client = ActionClient(ours, NavigateToPose, "navigate_to_pose")

        def until(condition: Any) -> None:
            end = time.monotonic() + 10.0
            while not condition():
                assert time.monotonic() < end
                executor.spin_once(timeout_sec=0.05)

        until(client.server_is_ready)
        deadlines, overdue, told = Deadlines(), Overdue(), []
        drives: weakref.WeakSet[ActionDrive] = weakref.WeakSet()
        for number in range(SENT):
            drives.add(ActionDrive(client, NavigateToPose.Goal(), deadlines, overdue, told.append))
            deadlines.poll((number + 1) * (ANSWER_WITHIN + 1.0))
        gc.collect()
        assert told == [LOST] * SENT and len(drives) == QUEUED
        executor.add_node(nav2)
        until(lambda: len(cancelled) == QUEUED)
        assert set(cancelled) == set(accepted) and told == [LOST] * SENT
        executor.shutdown()
        server.destroy()
        for node in (ours, nav2):
            node.destroy_node()
        context.try_shutdown()
