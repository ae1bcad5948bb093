"""`topic list|info|echo|hz|pub`."""

from __future__ import annotations

import statistics
import sys
import time
from argparse import Namespace
from collections import deque
from itertools import pairwise
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from luna_ros_cli.errors import CommandError, near
from luna_ros_cli.interfaces import load
from luna_ros_cli.session import Session, visible
from luna_ros_cli.values import made, parse, text

REPORT_EVERY = 1.0
SEEN_AFTER = 0.3
"""Seconds within which subscribers have seen a publisher that has seen them."""


def list_topics(session: Session, asked: Namespace) -> None:
    session.settle()
    topics = session.topics()
    for name in sorted(topics) if asked.include_hidden_topics else visible(topics):
        print(f"{name} [{', '.join(topics[name])}]" if asked.show_types else name)


def info(session: Session, asked: Namespace) -> None:
    name = session.absolute(asked.topic)
    types = session.types_of("topic", name)
    session.settle()
    print(f"Type: {types[0] if len(types) == 1 else types}\n")
    sides = {
        "Publisher": session.node.get_publishers_info_by_topic(name),
        "Subscription": session.node.get_subscriptions_info_by_topic(name),
    }
    for side, ends in sides.items():
        print(f"{side} count: {len(ends)}" + ("\n" if asked.verbose else ""))
        for end in ends if asked.verbose else ():
            print(f"{end}\n")


def echo(session: Session, asked: Namespace) -> None:
    name = session.absolute(asked.topic)
    kind = load("msg", asked.type or _one_type(session, name))
    wanted = 1 if asked.once else asked.times
    seen = [0]
    longest = None if asked.full_length else asked.truncate_length

    def show(message: Any) -> None:
        if wanted is None or seen[0] < wanted:
            print(text(_field(message, asked.field), longest), end="---\n", flush=True)
            seen[0] += 1

    if asked.field:
        _field(kind(), asked.field)  # a field that is not there is told at once
    session.node.create_subscription(kind, name, show, _profile_for(session, name))
    if wanted is None:
        _forever(session)
    session.until(
        lambda: seen[0] >= (wanted or 0),
        lambda: f"{name}: {seen[0]} of {wanted} messages within {asked.timeout:g} s.",
        asked.timeout,
    )


def hz(session: Session, asked: Namespace) -> None:
    name = session.absolute(asked.topic)
    kind = load("msg", _one_type(session, name))
    times: deque[float] = deque(maxlen=asked.window + 1)
    session.node.create_subscription(
        kind, name, lambda _: times.append(time.monotonic()), _profile_for(session, name), raw=True
    )
    reports, told = 0, 0.0
    while asked.times is None or reports < asked.times:
        session.spin(REPORT_EVERY)
        if len(times) < 2 or times[-1] == told:
            print("no new messages", file=sys.stderr, flush=True)
        else:
            told = times[-1]
            print(_rate(list(times)), flush=True)
        reports += 1


def _rate(times: list[float]) -> str:
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return (
        f"average rate: {len(gaps) / sum(gaps):.3f}\n"
        f"\tmin: {min(gaps):.3f}s max: {max(gaps):.3f}s std dev: {statistics.pstdev(gaps):.5f}s window: {len(gaps)}"
    )


def pub(session: Session, asked: Namespace) -> None:
    name = session.absolute(asked.topic)
    kind = load("msg", asked.type)
    times = 1 if asked.once else asked.times
    values = parse(asked.values, "values")
    message = made(kind, values, session.node.get_clock().now().to_msg())
    publisher = session.node.create_publisher(kind, name, _published_profile(asked))
    wanted = asked.wait_matching_subscriptions if asked.wait_matching_subscriptions is not None else int(bool(times))
    session.until(
        lambda: publisher.get_subscription_count() >= wanted,
        lambda: f"{name}: {publisher.get_subscription_count()} of {wanted} subscribers within {session.patience:g} s"
        f"{near(name, set(visible(session.topics())) - {name})}.",
    )
    if wanted:
        # This end knows of them; what comes before they know of it they drop. That they confirm it can take 3 s.
        session.spin(SEEN_AFTER)
    print("publisher: beginning loop")
    sent = 0
    while times is None or sent < times:
        message = made(kind, values, session.node.get_clock().now().to_msg())
        sent += 1
        print(f"publishing #{sent}: {message!r}\n", flush=True)
        publisher.publish(message)
        session.spin(1.0 / asked.rate if sent != times else asked.keep_alive)


def _published_profile(asked: Namespace) -> QoSProfile:
    durability = DurabilityPolicy.TRANSIENT_LOCAL if asked.qos_durability == "transient_local" else None
    return QoSProfile(depth=10, durability=durability or DurabilityPolicy.VOLATILE)


def _one_type(session: Session, name: str) -> str:
    types = session.types_of("topic", name)
    if len(types) > 1:
        raise CommandError(f"{name} has more than one type: {', '.join(types)}. Name the one that is meant.")
    return types[0]


def _profile_for(session: Session, name: str) -> QoSProfile:
    """What all of the topic's publishers can serve."""
    profile = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT, durability=DurabilityPolicy.VOLATILE)
    end = time.monotonic() + 1.0
    while not (ends := session.node.get_publishers_info_by_topic(name)) and time.monotonic() < end:
        session.spin(0.05)
    offers = [end.qos_profile for end in ends]
    if offers and all(offer.reliability == ReliabilityPolicy.RELIABLE for offer in offers):
        profile.reliability = ReliabilityPolicy.RELIABLE
    if offers and all(offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers):
        profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return profile


def _field(message: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        fields = message.get_fields_and_field_types() if hasattr(message, "get_fields_and_field_types") else {}
        if part not in fields:
            raise CommandError(f"--field {path}: there is no field {part!r}{near(part, fields)}.")
        message = getattr(message, part)
    return message


def _forever(session: Session) -> None:
    """Until the person has seen enough."""
    while True:
        session.spin(REPORT_EVERY)
