"""What people and the controller ask of the executor. Every command is idempotent and answered at once."""

from __future__ import annotations

from luna_robot.delivery.draft import Draft
from luna_robot.delivery.events import (
    Answer,
    CancelAsked,
    HandoverConfirmed,
    MaintenanceSet,
    PauseSet,
    ResumeAsked,
    WaypointsSet,
)
from luna_robot.delivery.model import (
    Cargo,
    Confirmed,
    Delivery,
    Error,
    Goal,
    Handover,
    Kind,
    Outcome,
    Phase,
)
from luna_robot.delivery.progress import go_on

EXPECTED = {
    Phase.AWAITING_LOAD: Handover.LOAD,
    Phase.CLEARING: Handover.LOAD,
    Phase.AWAITING_UNLOAD: Handover.UNLOAD,
    Phase.AWAITING_FALLBACK_UNLOAD: Handover.UNLOAD,
}


def confirm_handover(draft: Draft, event: HandoverConfirmed) -> Answer:
    """A person has loaded or unloaded the item."""
    if not draft.take_epoch(event.epoch):
        return draft.refused_as_stale(event.epoch)
    delivery = _named(draft, event.delivery_id, event.attempt)
    if delivery is None:
        return draft.refused(Error.UNKNOWN_DELIVERY, f"unknown delivery {event.delivery_id}", draft.active)
    if Confirmed(event.handover_seq, event.handover) in delivery.confirmed:
        return draft.already(delivery=delivery)
    refusal = _wrong_confirmation(delivery, event)
    if refusal is not None:
        if refusal[0] is Error.WRONG_PHASE:
            delivery = _extend_clearing(draft, delivery)
        return draft.refused(*refusal, delivery)
    return draft.accepted(delivery=_take_confirmation(draft, delivery, event))


def _named(draft: Draft, delivery_id: str, attempt: int) -> Delivery | None:
    active = draft.active
    if active and (active.delivery_id, active.attempt) == (delivery_id, attempt):
        return active
    return draft.ledger.finished(delivery_id, attempt) if attempt > 0 else None


def _wrong_confirmation(delivery: Delivery, event: HandoverConfirmed) -> tuple[Error, str] | None:
    if EXPECTED.get(delivery.phase) is not event.handover or event.handover_seq != delivery.awaited_seq:
        return Error.WRONG_HANDOVER, f"not waiting for hand-over {event.handover_seq}"
    if delivery.phase is Phase.CLEARING and delivery.cancel_requested:
        return Error.WRONG_PHASE, "the delivery was cancelled: take the item off again"
    if event.cargo is (Cargo.ABSENT if event.handover is Handover.LOAD else Cargo.PRESENT):
        return Error.MALFORMED, f"cargo: {event.cargo.name} after {event.handover.name}"
    return None


def _extend_clearing(draft: Draft, delivery: Delivery) -> Delivery:
    """Somebody has just laid the item on: give them, once, the whole time to take it off again."""
    if delivery.clearing_extended:
        return delivery
    extended = draft.change(delivery, timer=draft.policy.clearing, clearing_extended=True)
    draft.note("CLEARING_EXTENDED", extended)
    return extended


def _take_confirmation(draft: Draft, delivery: Delivery, event: HandoverConfirmed) -> Delivery:
    cargo = Cargo.PRESENT if event.handover is Handover.LOAD else Cargo.ABSENT
    handed_over = (*delivery.confirmed, Confirmed(event.handover_seq, event.handover))
    confirmed = draft.change(delivery, cargo=cargo, confirmed=handed_over, timer=None)
    draft.note(
        "HANDOVER_CONFIRMED", confirmed, event.trace_id, handover=event.handover.name, by=event.by,
        handover_seq=event.handover_seq,
    )  # fmt: skip
    return go_on(draft, confirmed, event.trace_id)


def cancel_delivery(draft: Draft, event: CancelAsked) -> Answer:
    """Before loading the delivery ends; afterwards the item goes to the fallback first."""
    if not draft.take_epoch(event.epoch):
        return draft.refused_as_stale(event.epoch)
    if not 1 <= len(event.delivery_id) <= 64 or event.attempt < 1:
        return draft.refused(Error.MALFORMED, "delivery_id: 1 to 64 characters; attempt: 1 and up")
    active = draft.active
    if active is not None and active.delivery_id == event.delivery_id:
        if active.attempt > event.attempt:
            return draft.refused(Error.LOWER_ATTEMPT, f"attempt {active.attempt} is in hand", active)
        if active.attempt < event.attempt and draft.ledger.finished(event.delivery_id, event.attempt) is None:
            _bury(draft, event)
        return _cancel_active(draft, active, event)
    return _cancel_other(draft, event)


def _cancel_other(draft: Draft, event: CancelAsked) -> Answer:
    known = draft.ledger.finished(event.delivery_id, event.attempt)
    if known is None:
        return draft.accepted("tombstone", _bury(draft, event))
    if known.outcome is Outcome.SUCCEEDED:
        return draft.refused(Error.WRONG_PHASE, "finished already", known)
    return draft.already(delivery=known)


def _bury(draft: Draft, event: CancelAsked) -> Delivery:
    """Cancelled before its goal came: if it comes, it ends CANCELLED."""
    goal = Goal(event.delivery_id, event.attempt, Kind.DELIVERY, (), trace_id=event.trace_id)
    stone = Delivery(
        goal, Phase.DONE, draft.state.cargo, Outcome.CANCELLED, Error.TOMBSTONE, event.reason[:256],
        cancel_requested=True, changed_at=draft.now.ros,
    )  # fmt: skip
    draft.record(stone)
    draft.note("TOMBSTONE", stone, event.trace_id, reason=event.reason[:200])
    return stone


def _cancel_active(draft: Draft, delivery: Delivery, event: CancelAsked) -> Answer:
    if delivery.cancel_requested:
        return draft.already(delivery=delivery)
    if draft.laden and delivery.goal.fallback is None:
        return draft.refused(Error.WRONG_PHASE, "the item is on board and there is no fallback", delivery)
    asked = draft.change(delivery, cancel_requested=True, message=event.reason[:256])
    draft.note("CANCEL_REQUESTED", asked, event.trace_id, reason=event.reason[:200])
    return draft.accepted(delivery=_carry_out_cancel(draft, asked, event))


def _carry_out_cancel(draft: Draft, delivery: Delivery, event: CancelAsked) -> Delivery:
    reason, trace = event.reason[:256], event.trace_id
    if draft.laden:
        if delivery.phase in (Phase.TO_DROPOFF, Phase.AWAITING_UNLOAD):
            return draft.head_for_fallback(delivery, Outcome.CANCELLED, Error.NONE, reason, trace)
        return delivery
    if delivery.phase is Phase.AWAITING_LOAD:
        return draft.enter(delivery, Phase.CLEARING, trace, timer=draft.policy.clearing)
    if delivery.phase is Phase.CLEARING:
        return delivery
    return draft.finish(delivery, Outcome.CANCELLED, Error.NONE, reason, trace)


def resume(draft: Draft, event: ResumeAsked) -> Answer:
    """Let the robot go on after the emergency stop that is named was released."""
    if not draft.take_epoch(event.epoch):
        return draft.refused_as_stale(event.epoch)
    state = draft.state
    if not state.suspended:
        return draft.already(delivery=draft.active)
    if event.estop_id != state.estop_id:
        return draft.refused(Error.WRONG_ESTOP, f"suspended by emergency stop {state.estop_id}", draft.active)
    if draft.facts.estopped or not draft.facts.safety_known:
        return draft.refused(Error.SUSPENDED, "the emergency stop is not released", draft.active)
    draft.set(suspended=False)
    draft.note("RESUMED", draft.active, event.trace_id, estop_id=event.estop_id, by=event.by)
    return draft.accepted(delivery=draft.active)


def set_paused(draft: Draft, event: PauseSet) -> Answer:
    """Paused: the leg in hand is finished, nothing new starts."""
    if not draft.take_epoch(event.epoch):
        return draft.refused_as_stale(event.epoch)
    if draft.state.paused == event.paused:
        return draft.already()
    draft.set(paused=event.paused)
    draft.note("PAUSED" if event.paused else "UNPAUSED", draft.active, by=event.by)
    return draft.accepted()


def set_maintenance(draft: Draft, event: MaintenanceSet) -> Answer:
    """In maintenance the robot takes no goals. A robot on its way to park stops there."""
    if not draft.take_epoch(event.epoch):
        return draft.refused_as_stale(event.epoch)
    if draft.state.maintenance == event.maintenance:
        return draft.already()
    active = draft.active
    if event.maintenance and active is not None:
        if active.goal.kind is not Kind.PARK:
            return draft.refused(Error.BUSY, f"delivery {active.delivery_id} is in hand")
        draft.finish(active, Outcome.CANCELLED, Error.MAINTENANCE, "maintenance")
    draft.set(maintenance=event.maintenance)
    draft.note("MAINTENANCE" if event.maintenance else "MAINTENANCE_OVER", None, by=event.by)
    return draft.accepted()


def set_waypoints(draft: Draft, event: WaypointsSet) -> Answer:
    """Replace the list of waypoints; versions of one map only go up."""
    if not draft.take_epoch(event.epoch):
        return draft.refused_as_stale(event.epoch)
    state, table = draft.state, event.table
    if table.map_id == state.map_id and table.version == state.waypoints_version:
        return draft.already()
    if table.map_id == state.map_id and table.version < state.waypoints_version:
        return draft.refused(Error.MALFORMED, f"version {state.waypoints_version} is in use")
    draft.set(map_id=table.map_id, waypoints_version=table.version)
    draft.waypoints = table
    draft.note("WAYPOINTS", None, map_id=table.map_id, version=table.version, count=len(table.waypoints))
    return draft.accepted()
