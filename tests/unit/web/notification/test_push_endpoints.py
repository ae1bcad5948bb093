"""Whom we send push messages to: nobody has us call another machine."""

import pytest

from luna_web.notification.push_endpoints import fault_of
from luna_web.shared.config import PUSH_SERVICES


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA",
        "https://web.push.apple.com/QAbc-_",
        "https://wns2-am3p.notify.windows.com/w/?token=BQYAAA%3d",
        "https://FCM.googleapis.com:443/fcm/send/abc",
    ],
)
def test_endpoints_of_browsers_are_taken(endpoint: str) -> None:
    assert fault_of(endpoint, PUSH_SERVICES) is None


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "fcm.googleapis.com/x",
        "http://fcm.googleapis.com/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://localhost/x",
        "https://169.254.169.254/latest/meta-data",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com:x/x",
        "https://somebody@fcm.googleapis.com/x",
        "https://127.0.0.1@fcm.googleapis.com/x",
        "https://fcm.googleapis.com@127.0.0.1/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://fcm.googleapis.com./x",
        "https://push.apple.com/x",
        "https://evilpush.apple.com/x",
        "https://127.0.0.1\\@fcm.googleapis.com/x",
        "https://fcm.googleapis.com/x#y",
        "https://fcm.googleapis.com/x y",
        "https://fcm.googleapis.com/x\r\nHost: evil.example",
        "https://ｆcm.googleapis.com/x",
        "https://fcm.googleapis.com/" + "x" * 2000,
        "file:///etc/passwd",
    ],
)
def test_everything_else_is_refused(endpoint: str) -> None:
    assert fault_of(endpoint, PUSH_SERVICES)


def test_a_star_stands_for_names_below_only() -> None:
    assert fault_of("https://a.b.push.example/x", ["*.push.example"]) is None
    assert fault_of("https://push.example/x", ["*.push.example"])
    assert fault_of("https://push.example/x", ["*.push.example", "push.example"]) is None
