"""What the live channel's snapshots are put together from: `luna_web.notification.live.ports.LiveViews`.

It knows every service, so it stands beside `main`, and nothing imports it but that.
"""

from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy.orm import Session

from luna_web.book.repository import lists
from luna_web.delivery import live as deliveries
from luna_web.notification.live import inbox
from luna_web.notification.live.channels import Channel, Kind
from luna_web.robot import live as robots
from luna_web.shared.errors import Forbidden, NotFound
from luna_web.shared.principal import Principal
from luna_web.shared.runtime import Runtime


class Views:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def snapshot(self, session: Session, principal: Principal, channel: Channel) -> dict[str, Any]:
        if not channel.open_to(principal):
            raise Forbidden()
        found: dict[str, Any] = to_jsonable_python(self._shown(session, principal, channel))
        return found

    def _shown(self, session: Session, principal: Principal, channel: Channel) -> dict[str, Any]:
        match channel:
            case Channel(Kind.ME):
                waits_and_has = deliveries.of_person(session, principal, self._runtime.clock.now())
                return inbox.newest(session, principal.user_id) | waits_and_has
            case Channel(Kind.QUEUE):
                return deliveries.queue(session)
            case Channel(Kind.ROBOTS):
                return {"robots": robots.all_robots(self._runtime, session)}
            case Channel(Kind.CATALOG):
                # A catalog is read page by page over HTTP; this says from which state on its events count.
                state = lists.state(session, ())
                return {"titles_generation": state.titles, "copies_generation": state.copies}
            case Channel(Kind.ROBOT, UUID() as robot_id):
                return {"robot": robots.one_robot(self._runtime, session, robot_id)}
            case Channel(Kind.DELIVERY, UUID() as task_id):
                return self._delivery(session, principal, task_id)
        raise NotFound()

    def _delivery(self, session: Session, principal: Principal, task_id: UUID) -> dict[str, Any]:
        """A delivery, and where the robot is that has it in hand."""
        task, robot_id = deliveries.one_delivery(session, principal, task_id)
        robot = robots.one_robot(self._runtime, session, robot_id) if robot_id else None
        place = robot.model_dump(include=_OF_A_ROBOT) if robot else None
        return {"delivery": task, "robot": place}


_OF_A_ROBOT = {"id", "robot_name", "mode", "pose", "battery_level", "current_location", "online", "observed_at"}
