"""`action list|info|send_goal`."""

from __future__ import annotations

from argparse import Namespace
from textwrap import indent
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import (
    ActionClient,
    get_action_client_names_and_types_by_node,
    get_action_server_names_and_types_by_node,
)

from luna_ros_cli.errors import CommandError
from luna_ros_cli.interfaces import load
from luna_ros_cli.session import Session, missing, visible
from luna_ros_cli.values import made, parse, text

STATUS = {
    GoalStatus.STATUS_SUCCEEDED: "SUCCEEDED",
    GoalStatus.STATUS_CANCELED: "CANCELED",
    GoalStatus.STATUS_ABORTED: "ABORTED",
}


def list_actions(session: Session, asked: Namespace) -> None:
    session.settle()
    actions = session.actions()
    for name in sorted(actions):
        print(f"{name} [{', '.join(actions[name])}]" if asked.show_types else name)


def info(session: Session, asked: Namespace) -> None:
    name = session.absolute(asked.action)
    session.types_of("action", name)
    session.settle()
    print(f"Action: {name}")
    sides = {
        "clients": get_action_client_names_and_types_by_node,
        "servers": get_action_server_names_and_types_by_node,
    }
    for side, look in sides.items():
        ends = []
        for full in session.nodes():
            space, _, last = full.rpartition("/")
            if types := dict(look(session.node, last, space or "/")).get(name):
                ends.append(f"    {full}" + (f" [{', '.join(types)}]" if asked.show_types else ""))
        print(f"Action {side}: {len(ends)}", *ends, sep="\n")


def send_goal(session: Session, asked: Namespace) -> None:
    """Waits for the result; the goal is cancelled if it does not come in time, and when the person interrupts."""
    name = session.absolute(asked.action)
    kind = load("action", asked.type)
    goal = made(kind.Goal, parse(asked.goal, "goal"), session.node.get_clock().now().to_msg())
    client = ActionClient(session.node, kind, name)
    try:
        print("Waiting for an action server to become available...", flush=True)
        session.until(client.server_is_ready, lambda: _why(session, name, asked.type))
        print(f"Sending goal:\n{indent(text(goal), '     ')}", flush=True)
        handle = session.answer(client.send_goal_async(goal, _show_feedback if asked.feedback else None), name)
        if not handle.accepted:
            raise CommandError("Goal was rejected.")
        print(f"Goal accepted with ID: {bytes(handle.goal_id.uuid).hex()}\n", flush=True)
        _finish(session, handle, asked.timeout)
    finally:
        client.destroy()


def _finish(session: Session, handle: Any, seconds: float) -> None:
    future = handle.get_result_async()
    try:
        answer = session.answer(future, "The goal's result", seconds)
    except BaseException:  # whatever ends the wait: nothing that this person sent drives on
        print("Canceling goal...", flush=True)
        session.answer(handle.cancel_goal_async(), "The cancelling of the goal")
        print("Goal canceled.", flush=True)
        raise
    print(f"Result:\n{indent(text(answer.result), '    ')}")
    print(f"Goal finished with status: {STATUS.get(answer.status, 'UNKNOWN')}")


def _show_feedback(message: Any) -> None:
    print(f"Feedback:\n{indent(text(message.feedback), '    ')}", flush=True)


def _why(session: Session, name: str, asked: str) -> str:
    actions = session.actions()
    if (types := actions.get(name)) and asked not in types:
        return f"{name} is of the type {', '.join(types)}, not {asked}."
    return missing("action", name, visible(actions))
