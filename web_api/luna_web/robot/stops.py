"""Emergency stops as people ask for them: who, through which request, and the row that follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from luna_web.robot import service
from luna_web.robot.emergency import StopOrder, StopResult
from luna_web.robot.schemas import RobotStopOut, StopOut
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.principal import Principal
from luna_web.shared.tracing import bind_trace_id


@dataclass(frozen=True, slots=True)
class AskedStop(StopOrder):
    """A stop with what its row needs. `by` is the person's email."""

    principal: Principal
    meta: RequestMeta
    trace_id: str
    at: datetime


def write_stop(sessions: SessionFactory, order: StopOrder) -> str:
    """Write the stop into the robot's row, with its event and its audit row; the id that holds there."""
    if not isinstance(order, AskedStop):
        raise TypeError("a stop that nobody asked for")
    bind_trace_id(order.trace_id)
    robot_id = order.robot.robot_id
    with transaction(sessions) as session:
        held = service.ask_stop(session, robot_id, stop_id=order.stop_id, reason=order.reason, by=order.by, at=order.at)
        changes = {"estop_id": held, "reason": order.reason}
        audit(session, order.principal, "robot.emergency_stop", "robot", robot_id, changes, order.meta)
    return held


def stop_out(stop_id: str, results: Sequence[StopResult]) -> StopOut:
    """What has come of a stop so far. Its id is that of the stop that holds, if all robots are held by one."""
    held = {result.stop_id for result in results}
    return StopOut(
        estop_id=held.pop() if len(held) == 1 else stop_id,
        robots=[
            RobotStopOut(
                robot_id=result.order.robot.robot_id,
                robot_name=result.order.robot.robot_name,
                estop_id=result.stop_id,
                confirmed=result.confirmed,
                recorded=result.written,
                problem=result.problem or None,
            )
            for result in results
        ],
    )
