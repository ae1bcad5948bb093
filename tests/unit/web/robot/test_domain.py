"""Status, silence, and what becomes of a wanted stop."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from luna_web.robot.domain import RobotStatus, StopWish, is_online, settle_stop, status_of, tells_of
from luna_web.robot.seed import png_size
from luna_web.robot.seen import RobotMode
from luna_web.robot.tokens import TokenUnreadable, decrypt_token, encrypt_token
from luna_web.robot.wanted import StopState, WantedResume, WantedStop
from tests.unit.web.robot.examples import robot

NOTHING = StopWish(WantedStop(), None)
ENGAGE = StopWish(WantedStop(StopState.ENGAGE, "stop-1", "a child", "librarian"), None)
RELEASE = StopWish(WantedStop(StopState.RELEASE, "stop-1", "", "librarian"), WantedResume("stop-1", "librarian"))
HELD = robot(estopped=True, suspended=True, estop_id="stop-1", estop_by="operator")


def test_every_mode_is_a_status() -> None:
    assert {status_of(mode) for mode in RobotMode} == set(RobotStatus)


def test_a_robot_is_online_for_five_seconds_after_its_last_word() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert is_online(now - timedelta(seconds=5), now)
    assert not is_online(now - timedelta(seconds=5.1), now)
    assert not is_online(None, now)


class TestStops:
    def test_a_stop_stays_wanted_until_it_is_released(self) -> None:
        assert settle_stop(ENGAGE, robot()) == ENGAGE
        assert settle_stop(ENGAGE, HELD) == ENGAGE

    def test_one_engaged_at_the_robot_is_taken_over(self) -> None:
        taken = settle_stop(NOTHING, HELD)
        assert (taken.stop.state, taken.stop.stop_id, taken.stop.by) == (StopState.ENGAGE, "stop-1", "operator")

    def test_one_that_the_robot_cannot_name_yet_settles_nothing(self) -> None:
        unnamed = robot(estopped=True, suspended=True, estop_id="")
        assert [settle_stop(wish, unnamed) for wish in (NOTHING, ENGAGE, RELEASE)] == [NOTHING, ENGAGE, RELEASE]

    def test_another_than_the_wanted_one_counts_as_it(self) -> None:
        other = robot(estopped=True, suspended=True, estop_id="stop-2")
        assert settle_stop(ENGAGE, other).stop.stop_id == "stop-2"
        assert settle_stop(RELEASE, other).stop.state is StopState.ENGAGE

    def test_a_release_is_done_when_the_robot_shows_it(self) -> None:
        assert settle_stop(RELEASE, HELD) == RELEASE
        released = settle_stop(RELEASE, robot(suspended=True, estop_id="stop-1"))
        assert released == StopWish(WantedStop(), WantedResume("stop-1", "librarian"))

    def test_what_was_heard_before_a_person_asked_says_nothing_of_it(self) -> None:
        asked = datetime(2026, 1, 1, tzinfo=UTC)
        assert tells_of(None, asked)
        assert tells_of(asked, asked + timedelta(milliseconds=1))
        assert not tells_of(asked, asked)

    def test_a_resume_is_done_when_the_robot_goes_on(self) -> None:
        assert settle_stop(RELEASE, robot()) == NOTHING


class TestTokens:
    KEY = SecretStr("bHVuYS1kZXZlbG9wbWVudC1vbmx5LWtleS0zMi1ieXQ=")
    OTHER = SecretStr("YW5vdGhlci1rZXktb2YtdGhpcnR5LXR3by1ieXRlcyE=")

    def test_they_are_not_readable_at_rest(self) -> None:
        encrypted = encrypt_token("a token", self.KEY)
        assert b"token" not in encrypted
        assert decrypt_token(encrypted, self.KEY) == "a token"

    def test_another_key_is_an_error_that_says_so(self) -> None:
        with pytest.raises(TokenUnreadable, match="LUNA_ENCRYPTION_KEY"):
            decrypt_token(encrypt_token("a token", self.KEY), self.OTHER)


class TestPng:
    def test_its_size_is_in_its_header(self) -> None:
        header = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\x0dIHDR" + (800).to_bytes(4) + (500).to_bytes(4)
        assert png_size(header) == (800, 500)

    @pytest.mark.parametrize("image", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
    def test_anything_else_is_no_picture(self, image: bytes) -> None:
        with pytest.raises(ValueError, match="PNG"):
            png_size(image)
