"""What executor and navigator tell each other over ROS is what they tell each other within a process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_robot import conversions
from luna_robot.delivery.events import LegEnded, LegResult
from luna_robot.delivery.machine import Leg
from luna_robot.delivery.model import Arrival, Error
from luna_robot.geometry import Pose
from luna_robot.navigation.link import UNHEARD_ORDER, DriveOrder, NavigationView
from luna_robot.navigation.port import Progress
from luna_robot.waypoints import Waypoint, WaypointTable

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
name = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
number = st.integers(1, 2**63)
metres = st.floats(-1000.0, 1000.0)
poses = st.builds(Pose, metres, metres, st.floats(-3.0, 3.0))
legs = st.builds(Leg, number, text, poses, st.sampled_from(Arrival), name)
refusals = st.none() | st.tuples(st.sampled_from([error for error in Error if error]), text)
orders = st.builds(DriveOrder, name, st.none() | legs, refusals, text, st.integers(0, 2**32 - 1))
remaining = st.none() | st.floats(0.0, 1e6, width=32)
views = st.builds(
    NavigationView,
    leg=st.none() | st.tuples(name, number),
    ended=st.none() | st.builds(LegEnded, number, st.sampled_from(LegResult), text, name),
    pose=st.none() | poses,
    localized=st.booleans(),
    missing=st.lists(text, max_size=3).map(tuple),
    docked=st.booleans(),
    progress=st.builds(Progress, remaining, remaining, st.integers(0, 65535)),
)


@given(orders)
def test_an_order_says_the_same_after_its_journey(order: DriveOrder):
    told = conversions.drive_order(conversions.drive_order_msg(order))
    leg, wanted = told.leg, order.leg
    assert (told.boot_id, told.refusal, told.map_id, told.waypoints_version) == (
        order.boot_id, order.refusal, order.map_id, order.waypoints_version
    )  # fmt: skip
    assert (leg is None) == (wanted is None)
    if leg is not None and wanted is not None:
        assert leg.name == (order.boot_id, wanted.number)
        assert (leg.waypoint, leg.arrival) == (wanted.waypoint, wanted.arrival)
        assert leg.pose.distance_to(wanted.pose) == 0.0 and leg.pose.yaw == pytest.approx(wanted.pose.yaw)


@given(views)
def test_a_view_says_the_same_after_its_journey(view: NavigationView):
    assert conversions.navigation_view(conversions.navigation_state(view, "boot")) == view


def test_waypoints_say_the_same_after_their_journey():
    table = WaypointTable("library", 3, (Waypoint("DESK-1", "Desk", Pose(1.0, 2.0, 0.0), "DESK"),))
    assert conversions.waypoint_table(conversions.waypoints_msg(table)) == table


def test_who_is_silent_wants_nothing_and_knows_nothing_but_what_has_ended():
    ended = LegEnded(3, LegResult.ARRIVED, boot_id="a")
    view = NavigationView(("a", 4), ended, Pose(1.0, 1.0, 0.0), True, (), True, Progress(2.0, 3.0, 1)).silent()
    assert view == NavigationView(ended=ended, docked=True, missing=("waypoint_navigator",))
    assert UNHEARD_ORDER.leg is None and UNHEARD_ORDER.refusal is not None
