"""What an executor waits for: the entities of some nodes, gathered once, waited for again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.node import Node
from rclpy.waitable import NumberOfEntities

KINDS = ("timer", "subscription", "guard_condition", "client", "service")
"""In the order in which what is ready is run, as rclpy does it; waitables (actions, QoS events) go before."""

_COUNTED = {
    "timer": NumberOfEntities(num_timers=1),
    "subscription": NumberOfEntities(num_subs=1),
    "guard_condition": NumberOfEntities(num_gcs=1),
    "client": NumberOfEntities(num_clients=1),
    "service": NumberOfEntities(num_services=1),
}


@dataclass(eq=False, slots=True)
class Waiting:
    """One entity of a node."""

    kind: str
    entity: Any
    node: Node

    @property
    def group(self) -> CallbackGroup:
        group: CallbackGroup = self.entity.callback_group
        return group

    def put_off(self) -> None:
        """Its group is busy since a moment ago. What is ready stays so until it is taken, but for guard conditions."""
        if self.kind == "guard_condition":
            self.entity.trigger()


@dataclass(eq=False, slots=True)
class _Members:
    """Of one callback group. `plain`: how each entity that rcl knows joins the wait set, and its handle."""

    group: CallbackGroup
    first: Any
    plain: list[tuple[Callable[[Any], object], Any]] = field(default_factory=list)
    waitables: list[Waiting] = field(default_factory=list)


class WaitList:
    """Keeps the entities' handles in use from the beginning to `close`: what is destroyed meanwhile goes then.

    A callback group is asked once for all of its entities, not for each of them: what rclpy's own groups answer does
    not depend on the entity.
    """

    def __init__(self, context: Context, nodes: Iterable[Node], guards: Iterable[GuardCondition]) -> None:
        self._stack = ExitStack()
        if context.handle is None:
            raise RuntimeError("the context was never initialised: rclpy.init comes first")
        self._stack.enter_context(context.handle)
        self._guards = list(self._in_use(guards))
        self._groups: dict[CallbackGroup, _Members] = {}
        self._by_pointer: dict[str, dict[int, Waiting]] = {kind: {} for kind in KINDS}
        counted = NumberOfEntities(num_gcs=len(self._guards))
        taken = []
        for node in nodes:
            for waiting in _entities(node):
                if (count := self._hold(waiting)) is not None:
                    counted += count
                    taken.append(waiting)
        self._wait_set = _rclpy.WaitSet(
            counted.num_subscriptions,
            counted.num_guard_conditions,
            counted.num_timers,
            counted.num_clients,
            counted.num_services,
            counted.num_events,
            context.handle,
        )
        for waiting in taken:
            self._take_in(waiting)

    def wait(self, nanoseconds: int) -> list[Waiting]:
        """What may run now, after at most so long; -1 is without end. Empty also when something woke the executor."""
        wait_set = self._wait_set
        wait_set.clear_entities()
        for guard in self._guards:
            wait_set.add_guard_condition(guard.handle)
        waited = self._add_what_may_run()
        wait_set.wait(nanoseconds)
        ready = [one for one in waited if one.entity.is_ready(wait_set)]
        for kind in KINDS:
            known = self._by_pointer[kind]
            ready += [known[pointer] for pointer in wait_set.get_ready_entities(kind) if pointer in known]
        return [one for one in ready if one.kind != "timer" or one.entity.handle.is_timer_ready()]

    def _add_what_may_run(self) -> list[Waiting]:
        """The waitables among it."""
        waited: list[Waiting] = []
        for members in self._groups.values():
            if members.group.can_execute(members.first):
                for add, handle in members.plain:
                    add(handle)
                waited += members.waitables
        for one in waited:
            one.entity.add_to_wait_set(self._wait_set)
        return waited

    def close(self) -> None:
        """Let go of every handle."""
        self._stack.close()

    def _hold(self, waiting: Waiting) -> NumberOfEntities | None:
        """Keep its handle in use; how much room it takes, None if it was destroyed a moment ago."""
        entity, kind = waiting.entity, waiting.kind
        try:
            self._stack.enter_context(entity if kind == "waitable" else entity.handle)
        except InvalidHandle:
            return None
        return entity.get_num_entities() if kind == "waitable" else _COUNTED[kind]

    def _take_in(self, waiting: Waiting) -> None:
        entity, kind = waiting.entity, waiting.kind
        members = self._groups.setdefault(waiting.group, _Members(waiting.group, entity))
        if kind == "waitable":
            members.waitables.append(waiting)
        else:
            members.plain.append((getattr(self._wait_set, f"add_{kind}"), entity.handle))
            self._by_pointer[kind][entity.handle.pointer] = waiting

    def _in_use(self, guards: Iterable[GuardCondition]) -> Iterator[GuardCondition]:
        for guard in guards:
            try:
                self._stack.enter_context(guard.handle)
            except InvalidHandle:  # of an executor that ends
                continue
            yield guard


def _entities(node: Node) -> Iterator[Waiting]:
    kinds = {
        "timer": node.timers,
        "subscription": node.subscriptions,
        "guard_condition": node.guards,
        "client": node.clients,
        "service": node.services,
        "waitable": node.waitables,
    }
    for kind, entities in kinds.items():
        for entity in entities:
            yield Waiting(kind, entity, node)
