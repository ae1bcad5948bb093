"""What the live channel's snapshots tell of deliveries."""

import pytest

from luna_web.delivery import live
from luna_web.live_views import Views
from luna_web.notification.live.channels import Channel, Kind
from luna_web.robot.ports import Outcome, Phase, RobotError
from luna_web.shared.errors import NotFound
from luna_web.shared.principal import Role
from tests.integration.web.delivery.world import Library
from tests.integration.world import data


def test_ones_own_tells_what_one_has_and_waits_for_as_the_lists_do(library: Library) -> None:
    lent, asked = library.handed_out(library.book()), library.approved(library.book())
    away = library.book()
    library.handed_out(away, library.student())
    queued = data(library.reader.api.post("/holds", {"book_id": away.id}), 201)
    wish = library.return_asked(lent)
    with library.transaction() as session:
        shown = Views(library.runtime).snapshot(session, library.reader.principal, Channel(Kind.ME))
    assert shown["loans"] == library.loans()
    assert (shown["requests"], shown["returns"]) == ([library.request_now(asked)], [library.return_now(wish)])
    assert (shown["holds"], shown["deliveries"]) == ([queued], [])
    assert queued["position"] == 1


def test_staff_see_what_is_sent_to_them_and_which_requests_need_somebody(library: Library) -> None:
    keys = {"item_description": "Keys", "source_location": "DESK-1", "destination_location": "DESK-2"}
    colleague = library.people.make(Role.LIBRARIAN)
    sent = data(library.librarian.api.post("/deliveries/inter-staff", keys | {"recipient_id": str(colleague.id)}), 201)
    library.librarian.api.put(f"/deliveries/{sent['id']}/priority", {"priority": "LOW"})
    failed, fine = library.setting_off(library.book()), library.approved(library.book())
    library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED)
    with library.transaction() as session:
        views = Views(library.runtime)
        queue = views.snapshot(session, colleague.principal, Channel(Kind.QUEUE))
        own = views.snapshot(session, colleague.principal, Channel(Kind.ME))
    assert [one["id"] for one in own["deliveries"]] == [sent["id"]]
    listed = {
        wanted: data(library.librarian.api.get("/requests", params={"needs_attention": wanted}))
        for wanted in (True, False)
    }
    assert [[one["id"] for one in listed[wanted]] for wanted in (True, False)] == [[failed["id"]], [fine["id"]]]
    assert queue["needs_attention"] == listed[True]


def test_the_queue_is_in_the_order_of_the_robots_and_one_delivery_is_its_readers(library: Library) -> None:
    waiting, in_hand = library.approved(library.book()), library.book()
    library.staff("priority", waiting, priority="LOW")
    request = library.approved(in_hand)
    assert library.luna1.claim() is not None
    library.luna1.shows(Phase.TO_PICKUP)
    with library.transaction() as session:
        queue = live.queue(session)
        assert [str(task.id) for task in queue["tasks"]] == [request["task_id"], waiting["task_id"]]
        task_id = queue["tasks"][0].id
        mine, robot_id = live.one_delivery(session, library.reader.principal, task_id)
        assert (mine.phase, robot_id, hasattr(mine, "stops")) == ("TO_PICKUP", library.luna1.id, False)
        with pytest.raises(NotFound):
            live.one_delivery(session, library.student().principal, task_id)
