"""A person settles a delivery that is AWAITING_RECOVERY.

That the item was taken off is taken in every phase: a robot that was silent when a person settled its delivery learns
of it whatever it is doing, and must neither wait nor drive on for an item that it has not.
"""

from __future__ import annotations

from luna_robot.delivery.draft import Draft
from luna_robot.delivery.events import Answer, RecoveryResolved
from luna_robot.delivery.model import (
    FALLBACK_INDEX,
    MOVING_PHASES,
    Cargo,
    Delivery,
    Error,
    Outcome,
    Phase,
    Resolution,
)
from luna_robot.delivery.plan import phase_towards


def resolve_recovery(draft: Draft, event: RecoveryResolved) -> Answer:
    if not draft.take_epoch(event.epoch):
        return draft.refused_as_stale(event.epoch)
    active = draft.active
    if active is None or active.delivery_id != event.delivery_id:
        return _resolve_finished(draft, event)
    if event.resolution is Resolution.CARGO_REMOVED and active.phase is not Phase.NONE:
        return _resolve_active(draft, active, event)
    if active.phase is not Phase.AWAITING_RECOVERY:
        if event.resolution is Resolution.RESUME:
            return draft.already(delivery=active)
        return draft.refused(Error.WRONG_PHASE, "not awaiting recovery", active)
    return _resolve_active(draft, active, event)


def _resolve_finished(draft: Draft, event: RecoveryResolved) -> Answer:
    """An item may have stayed on board after its delivery ended."""
    latest = draft.ledger.finished(event.delivery_id)
    if latest is None:
        return draft.refused(Error.UNKNOWN_DELIVERY, f"unknown delivery {event.delivery_id}", draft.active)
    if event.resolution is not Resolution.CARGO_REMOVED:
        return draft.already(delivery=latest)
    if draft.active is not None or draft.state.cargo is Cargo.ABSENT:
        return draft.already(delivery=latest)
    draft.set(cargo=Cargo.ABSENT)
    draft.note("CARGO_REMOVED", None, event.trace_id, by=event.by, delivery_id=event.delivery_id)
    return draft.accepted(delivery=latest)


def _resolve_active(draft: Draft, delivery: Delivery, event: RecoveryResolved) -> Answer:
    resolution = event.resolution
    if resolution in (Resolution.RESUME, Resolution.TO_FALLBACK) and not draft.facts.localized:
        return draft.refused(Error.NOT_LOCALIZED, "give the robot its pose first", delivery)
    if resolution is Resolution.TO_FALLBACK and (not draft.laden or delivery.goal.fallback is None):
        return draft.refused(Error.WRONG_PHASE, "no item on board, or no fallback", delivery)
    draft.note("RECOVERY_RESOLVED", delivery, event.trace_id, resolution=resolution.name, by=event.by)
    return draft.accepted(delivery=_RESOLVE[resolution](draft, delivery, event))


def _resume(draft: Draft, delivery: Delivery, event: RecoveryResolved) -> Delivery:
    """Drive to the same stop again: if a hand-over was under way there, it takes place there."""
    if delivery.interrupted is Phase.CLEARING or (delivery.cancel_requested and not draft.laden):
        if delivery.cancel_requested:
            return draft.finish(delivery, Outcome.CANCELLED, trace_id=event.trace_id)
        return draft.finish(delivery, Outcome.FAILED, Error.NOT_LOADED, "nobody loaded the item", event.trace_id)
    if delivery.cancel_requested and delivery.stop_index != FALLBACK_INDEX and delivery.goal.fallback is not None:
        return _to_fallback(draft, delivery, event)
    why = delivery.ending
    return draft.head_for(
        delivery, delivery.stop_index, _phase_of_leg(draft, delivery), event.trace_id,
        error=why.error if why else Error.NONE, message=why.message if why else "",
    )  # fmt: skip


def _phase_of_leg(draft: Draft, delivery: Delivery) -> Phase:
    if delivery.interrupted in MOVING_PHASES:
        return delivery.interrupted
    if delivery.stop_index == FALLBACK_INDEX:
        return Phase.TO_FALLBACK
    return phase_towards(delivery.goal, delivery.stop_index, draft.laden)


def _to_fallback(draft: Draft, delivery: Delivery, event: RecoveryResolved) -> Delivery:
    if delivery.cancel_requested:
        return draft.head_for_fallback(delivery, Outcome.CANCELLED, Error.NONE, "cancelled", event.trace_id)
    return draft.head_for_fallback(delivery, Outcome.FAILED, delivery.error, delivery.message, event.trace_id)


def _cargo_removed(draft: Draft, delivery: Delivery, event: RecoveryResolved) -> Delivery:
    emptied = draft.change(delivery, cargo=Cargo.ABSENT)
    if emptied.cancel_requested:
        return draft.finish(emptied, Outcome.CANCELLED, Error.NONE, "item removed by hand", event.trace_id)
    error = emptied.error or Error.ABANDONED
    return draft.finish(emptied, Outcome.FAILED, error, "item removed by hand", event.trace_id)


def _abandon(draft: Draft, delivery: Delivery, event: RecoveryResolved) -> Delivery:
    return draft.finish(delivery, Outcome.FAILED, Error.ABANDONED, "abandoned by a person", event.trace_id)


_RESOLVE = {
    Resolution.RESUME: _resume,
    Resolution.TO_FALLBACK: _to_fallback,
    Resolution.CARGO_REMOVED: _cargo_removed,
    Resolution.ABANDON: _abandon,
}
