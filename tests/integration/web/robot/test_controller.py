"""The controller against a real rosbridge and a robot's real interface."""

from collections.abc import Callable
from uuid import UUID

import httpx

from luna_web.robot.ports import Handover, Outcome, Phase, WantedDelivery
from tests.integration.web.robot.desk import DeskInMemory
from tests.integration.web.robot.ros_side import RobotDouble, until
from tests.integration.world import Api, Json, data

PARK = 1
CANCELLED = 2


def status(api: Api) -> Json:
    shown: Json = data(api.get("/robot/status"))
    return shown


def online(api: Api) -> None:
    until(lambda: status(api)["online"], "the robot is online")


def comes_true(api: Api, answer: httpx.Response, shows: Callable[[Json], bool], what: str) -> None:
    """A 200 has the robot as it was asked to be; a 202, after two seconds, as it is, and then it comes later."""
    late = answer.status_code == 202
    told = data(answer, 202 if late else 200)
    assert late or shows(told), what
    until(lambda: shows(status(api)), what)


def waits(desk: DeskInMemory, task: WantedDelivery, phase: Phase) -> int:
    """The hand-over that the robot waits for in this phase."""
    until(lambda: phase in desk.phases(task), f"the robot is {phase}")
    return desk.handover_seq(task)


class TestDelivery:
    def test_it_is_driven_to_its_end_by_what_people_confirm(
        self, robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
    ) -> None:
        online(led)
        task = desk.put()

        goal = robot.wait_for("goal", delivery_id=str(task.task_id))
        assert goal["stops"] == ["DESK-1", "STUDY-1"]
        desk.confirm(luna1, Handover.LOAD, waits(desk, task, Phase.AWAITING_LOAD))
        desk.confirm(luna1, Handover.UNLOAD, waits(desk, task, Phase.AWAITING_UNLOAD))
        until(lambda: desk.outcome(task) is Outcome.SUCCEEDED, "the delivery is done")

        assert len(robot.events("started", delivery_id=str(task.task_id))) == 1
        confirmed = [told["handover_seq"] for told in robot.events("confirm", taken=True)]
        assert len(confirmed) == 2
        assert {told["handover_seq"] for told in robot.events("confirm")} == set(confirmed), "repeated at most"

    def test_the_next_one_starts_when_the_first_is_done(
        self, robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
    ) -> None:
        online(led)
        first, second = desk.put(), desk.put()
        desk.confirm(luna1, Handover.LOAD, waits(desk, first, Phase.AWAITING_LOAD))
        desk.confirm(luna1, Handover.UNLOAD, waits(desk, first, Phase.AWAITING_UNLOAD))

        waits(desk, second, Phase.AWAITING_LOAD)
        assert desk.outcome(first) is Outcome.SUCCEEDED

    def test_a_confirmation_of_another_hand_over_is_never_sent(
        self, robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
    ) -> None:
        online(led)
        task = desk.put()
        handover_seq = waits(desk, task, Phase.AWAITING_LOAD)
        desk.confirm(luna1, Handover.LOAD, handover_seq + 5)
        desk.confirm(luna1, Handover.LOAD, handover_seq)

        robot.wait_for("confirm", handover_seq=handover_seq)
        assert not robot.events("confirm", handover_seq=handover_seq + 5)

    def test_a_cancelled_one_ends_cancelled(
        self, robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
    ) -> None:
        online(led)
        task = desk.put()
        waits(desk, task, Phase.AWAITING_LOAD)
        desk.cancel(luna1)

        until(lambda: desk.outcome(task) is Outcome.CANCELLED, "the delivery is cancelled")
        assert robot.events("cancel", delivery_id=str(task.task_id))
        assert [done["outcome"] for done in robot.events("done", delivery_id=str(task.task_id))] == [CANCELLED]

    def test_a_robot_with_little_charge_is_given_none(self, robot: RobotDouble, desk: DeskInMemory, led: Api) -> None:
        online(led)
        robot.order(set={"battery_percentage": 0.1})
        until(lambda: status(led)["battery_level"] < 0.2, "the charge is told")
        desk.put()
        robot.wait_for("heartbeat", count=len(robot.events("heartbeat")) + 3)
        assert not robot.events("goal")

        robot.order(set={"battery_percentage": 0.9})
        robot.wait_for("goal")


class TestSettings:
    def test_the_robot_gets_the_places_of_the_floor(self, robot: RobotDouble, led: Api) -> None:
        told = robot.wait_for("waypoints")

        assert (told["map_id"], told["version"]) == ("library", 1)
        assert told["count"] >= 25

    def test_a_paused_robot_is_given_nothing_until_it_goes_on(
        self, robot: RobotDouble, desk: DeskInMemory, luna1: UUID, led: Api
    ) -> None:
        online(led)
        pausing = led.post(f"/robot/{luna1}/pause")
        comes_true(led, pausing, lambda shown: shown["mode"] == "PAUSED", "the robot is paused")
        task = desk.put()
        going_on = led.post(f"/robot/{luna1}/resume", {})
        comes_true(led, going_on, lambda shown: shown["sensor_data"]["paused"] is False, "the robot goes on")

        waits(desk, task, Phase.AWAITING_LOAD)
        assert robot.events("paused", paused=False)[0]["at"] < robot.events("goal")[0]["at"]

    def test_a_robot_that_is_sent_home_parks_at_its_dock(self, robot: RobotDouble, luna1: UUID, led: Api) -> None:
        online(led)
        robot.order(set={"docked": False})
        until(lambda: not status(led)["sensor_data"]["docked"], "the robot is off its dock")

        led.post(f"/robot/{luna1}/send-home")

        assert robot.wait_for("goal", kind=PARK)["stops"] == ["DOCK-1"]
        until(lambda: status(led)["sensor_data"]["docked"], "the robot is docked")


    def test_a_robot_that_is_to_undock_stands_off_its_dock_until_it_is_sent_home(
        self, robot: RobotDouble, luna1: UUID, led: Api
    ) -> None:
        online(led)
        led.post(f"/robot/{luna1}/undock")
        until(lambda: not status(led)["sensor_data"]["docked"] and status(led)["mode"] == "IDLE", "the robot is off")
        assert len(robot.events("goal", kind=PARK)) == 1

        led.post(f"/robot/{luna1}/send-home")
        until(lambda: status(led)["sensor_data"]["docked"], "the robot is docked")

    def test_maintenance_waits_for_the_delivery_in_hand_and_outlives_the_process_that_took_the_wish(
        self, robot: RobotDouble, desk: DeskInMemory, luna1: UUID, lead: Callable[[], Api]
    ) -> None:
        first = lead()
        online(first)
        task = desk.put()
        handover_seq = waits(desk, task, Phase.AWAITING_LOAD)
        assert first.post(f"/robot/{luna1}/maintenance", {"maintenance": True}).status_code == 202
        first.http.exit_stack.close()
        assert not robot.events("maintenance")

        second = lead()
        desk.confirm(luna1, Handover.LOAD, handover_seq)
        desk.confirm(luna1, Handover.UNLOAD, waits(desk, task, Phase.AWAITING_UNLOAD))
        robot.wait_for("maintenance", maintenance=True)
        until(lambda: status(second)["status"] == "MAINTENANCE", "it shows")
        desk.put()
        assert second.post(f"/robot/{luna1}/maintenance", {"maintenance": False}).status_code in (200, 202)
        until(lambda: status(second)["status"] != "MAINTENANCE", "it is back in service")
        robot.wait_for("goal", count=2)


class TestLease:
    def test_one_of_two_processes_leads_and_the_other_takes_over(
        self, robot: RobotDouble, desk: DeskInMemory, luna1: UUID, steady: None, lead: Callable[[], Api]
    ) -> None:
        first = lead()
        online(first)
        epoch = robot.wait_for("heartbeat")["epoch"]
        second = lead()
        online(second)
        assert {beat["epoch"] for beat in robot.events("heartbeat")} == {epoch}
        task = desk.put()
        handover_seq = waits(desk, task, Phase.AWAITING_LOAD)

        first.http.exit_stack.close()  # its lifespan ends: the lease is given up
        desk.confirm(luna1, Handover.LOAD, handover_seq)
        desk.confirm(luna1, Handover.UNLOAD, waits(desk, task, Phase.AWAITING_UNLOAD))

        until(lambda: desk.outcome(task) is Outcome.SUCCEEDED, "the delivery is done")
        robot.wait_for("heartbeat", epoch=epoch + 1)
        assert len(robot.events("started")) == 1
