"""What each action of the controller is at the robot."""

from uuid import uuid4

from luna_web.robot import messages
from luna_web.robot.link import RobotLink
from luna_web.robot.messages import Answer, Json, Resolution
from luna_web.robot.ports import DeliveryKind, Stop, WantedDelivery
from luna_web.robot.reconcile import (
    Cancel,
    Command,
    Confirm,
    EngageStop,
    Park,
    Recover,
    ReleaseStop,
    Resume,
    SendGoal,
    SetMaintenance,
    SetPaused,
    Settle,
    Undock,
)
from luna_web.shared.tracing import new_trace_id


async def carry_out(action: Command, link: RobotLink, epoch: int) -> Answer | None:
    """Tell the robot; its answer, or None where there is none to wait for. Raises LinkDown, NoAnswer."""
    match action:
        case SendGoal(delivery=delivery, boot_id=boot_id):
            link.send_goal(_delivery_goal(delivery, boot_id, epoch))
            return None
        case Park(home=home, boot_id=boot_id):
            link.send_goal(_park_goal(home, boot_id, epoch))
            return None
        case Undock(off=off, boot_id=boot_id):
            link.send_goal(_park_goal(off, boot_id, epoch))
            return None
        case EngageStop(stop_id=stop_id, reason=reason, by=by):
            return await link.set_emergency_stop(engage=True, stop_id=stop_id, reason=reason, by=by)
        case ReleaseStop(stop_id=stop_id, by=by):
            return await link.set_emergency_stop(engage=False, stop_id=stop_id, reason="", by=by)
        case Resume(stop_id=stop_id, by=by):
            return await link.resume(epoch=epoch, stop_id=stop_id, by=by, trace_id=new_trace_id())
        case SetPaused(paused=paused, by=by):
            return await link.set_paused(epoch=epoch, paused=paused, by=by)
        case SetMaintenance(maintenance=maintenance, by=by):
            return await link.set_maintenance(epoch=epoch, maintenance=maintenance, by=by)
        case Cancel():
            return await _cancel(action, link, epoch)
        case Confirm():
            return await _confirm(action, link, epoch)
        case Recover():
            return await _recover(action, link, epoch)
        case Settle():
            return await _settle(action, link, epoch)
        case _:
            raise TypeError(f"{type(action).__name__} is not for the robot")


async def _cancel(action: Cancel, link: RobotLink, epoch: int) -> Answer:
    return await link.cancel(
        epoch=epoch,
        delivery_id=action.task_id,
        attempt=action.attempt,
        reason=action.reason,
        trace_id=action.trace_id,
    )


async def _confirm(action: Confirm, link: RobotLink, epoch: int) -> Answer:
    confirmation = action.confirmation
    return await link.confirm(
        epoch=epoch,
        delivery_id=action.task_id,
        attempt=action.attempt,
        handover=confirmation.handover,
        handover_seq=confirmation.handover_seq,
        cargo=confirmation.cargo,
        by=confirmation.by,
        trace_id=action.trace_id,
    )


async def _recover(action: Recover, link: RobotLink, epoch: int) -> Answer:
    return await link.resolve_recovery(
        epoch=epoch,
        delivery_id=action.task_id,
        resolution=Resolution[action.recovery.action.name],
        by=action.recovery.by,
        trace_id=action.trace_id,
    )


async def _settle(action: Settle, link: RobotLink, epoch: int) -> Answer:
    """Whatever a person says of where the item is, it is not on the robot any more."""
    return await link.resolve_recovery(
        epoch=epoch,
        delivery_id=str(action.settlement.task_id),
        resolution=Resolution.CARGO_REMOVED,
        by=action.settlement.by,
        trace_id=action.settlement.trace_id,
    )


def _delivery_goal(delivery: WantedDelivery, boot_id: str, epoch: int) -> Json:
    return messages.goal(
        epoch=epoch,
        boot_id=boot_id,
        trace_id=delivery.trace_id,
        delivery_id=str(delivery.task_id),
        attempt=delivery.attempt,
        kind=DeliveryKind.DELIVERY,
        stops=delivery.stops,
        fallback=delivery.fallback,
    )


def _park_goal(home: Stop, boot_id: str, epoch: int) -> Json:
    return messages.goal(
        epoch=epoch,
        boot_id=boot_id,
        trace_id=new_trace_id(),
        delivery_id=f"park-{uuid4()}",
        attempt=1,
        kind=DeliveryKind.PARK,
        stops=(home,),
        fallback=None,
    )
