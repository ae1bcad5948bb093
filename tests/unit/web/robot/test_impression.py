"""What a controller has heard, and what of it is still to be told."""

from dataclasses import replace

from luna_web.robot.impression import Impression
from luna_web.robot.ports import DeliveryKind, Outcome, Phase, RobotError
from luna_web.robot.seen import RobotMode
from tests.unit.web.robot.examples import NOW, deliveries, delivery, robot

DONE = delivery(phase=Phase.DONE, outcome=Outcome.SUCCEEDED)


def heard() -> Impression:
    impression = Impression(NOW)
    impression.hear_status(robot(), NOW)
    return impression


class TestStatus:
    def test_the_first_is_written_and_the_same_again_only_after_a_while(self) -> None:
        impression = heard()
        first = impression.status_to_write(NOW)
        assert first is not None
        impression.status_written(first[0], NOW)

        impression.hear_status(replace(robot(), stamp=1.0), NOW + 0.2)
        assert impression.status_to_write(NOW + 0.2) is None
        assert impression.status_to_write(NOW + 2.1) is not None

    def test_what_is_new_is_written_at_once(self) -> None:
        impression = heard()
        impression.status_written(robot(), NOW)
        impression.hear_status(robot(mode=RobotMode.ESTOPPED, estopped=True), NOW + 0.1)
        assert impression.status_to_write(NOW + 0.1) is not None

    def test_silence_is_counted_from_the_last_word_or_from_the_beginning(self) -> None:
        assert Impression(NOW).silent(NOW + 5.1)
        assert not heard().silent(NOW + 4.9)
        assert heard().silent(NOW + 5.1)

    def test_idleness_is_counted_from_its_beginning(self) -> None:
        impression = heard()
        impression.hear_status(robot(), NOW + 3)
        seen = impression.seen()
        assert seen is not None
        assert seen.idle_since == NOW
        impression.hear_status(robot(delivery_id="d"), NOW + 4)
        seen = impression.seen()
        assert seen is not None
        assert seen.idle_since is None


class TestDeliveries:
    def test_each_change_is_told_once_and_oldest_first(self) -> None:
        impression = heard()
        other = delivery(delivery_id="01890000-0000-7000-8000-000000000002")
        impression.hear_deliveries(deliveries(other, DONE))
        assert impression.deliveries_to_tell() == (DONE, other)
        impression.told(DONE)
        impression.told(other)
        assert impression.deliveries_to_tell() == ()

    def test_an_estimate_alone_is_no_news(self) -> None:
        impression = heard()
        impression.told(delivery())
        impression.hear_deliveries(deliveries(delivery(distance_remaining=1.0, journal_seq=5)))
        assert impression.deliveries_to_tell() == ()

    def test_what_is_not_told_stays_to_be_told(self) -> None:
        impression = heard()
        impression.hear_deliveries(deliveries(delivery()))
        assert impression.deliveries_to_tell() == impression.deliveries_to_tell() != ()

    def test_parking_is_nobodys_task(self) -> None:
        impression = heard()
        impression.hear_deliveries(deliveries(delivery(delivery_id="park-1", kind=DeliveryKind.PARK)))
        assert impression.deliveries_to_tell() == ()

    def test_a_refusal_is_told_only_if_it_will_not_pass(self) -> None:
        impression = heard()
        refused = delivery(phase=Phase.DONE, outcome=Outcome.REJECTED, error=RobotError.LINK_DOWN)
        impression.hear_answer(refused)
        assert impression.deliveries_to_tell() == ()
        lasting = replace(refused, error=RobotError.MALFORMED)
        impression.hear_answer(lasting)
        assert impression.deliveries_to_tell() == (lasting,)

    def test_the_answer_to_a_command_counts_when_it_is_an_end(self) -> None:
        impression = heard()
        impression.hear_answer(delivery())
        impression.hear_answer(DONE)
        assert impression.deliveries_to_tell() == (DONE,)
