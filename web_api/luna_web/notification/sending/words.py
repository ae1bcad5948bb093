"""What mails of notifications say: plain text, and the same as simple HTML without pictures or scripts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from luna_web.notification.domain import NotificationType

ABOUT: Mapping[NotificationType, str] = {
    NotificationType.DELIVERY_UPDATE: "deliveries",
    NotificationType.REQUEST_STATUS: "requests",
    NotificationType.RETURN_STATUS: "returns",
    NotificationType.ROBOT_ALERT: "robots",
    NotificationType.SYSTEM_ALERT: "the library's own affairs",
    NotificationType.LOAN_DUE: "due dates of your loans",
}
SIGNATURE = "LUNA, the library's delivery robots"


@dataclass(frozen=True, slots=True)
class Words:
    subject: str
    text: str
    html: str


def words_of(type_: NotificationType, title: str, message: str, address: str) -> Words:
    """The mail of one notification; `address` is the library's public one."""
    why = f"You get this mail because you have an account at the library. To get none about {ABOUT[type_]} any more,"
    how = f"switch off email for {type_} in your notification settings:"
    text = f"Hello,\n\n{message}\n\nMore at {address}\n\n{why}\n{how}\n{address}\n\n-- \n{SIGNATURE}\n"
    return Words(" ".join(title.split()), text, _html(title, message, f"{why} {how}", address))


def _html(title: str, message: str, off: str, address: str) -> str:
    """Titles of books and the like are text, whatever is in them."""
    link = f'<a href="{escape(address)}">{escape(address)}</a>'
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
        '<body style="font-family: sans-serif; max-width: 36em">\n'
        f"<h1 style=\"font-size: 1.2em\">{escape(title)}</h1>\n<p>Hello,</p>\n<p>{escape(message)}</p>\n"
        f"<p>More at {link}</p>\n"
        f'<p style="color: #555; font-size: 0.85em">{escape(off)} {link}</p>\n'
        f'<p style="color: #555; font-size: 0.85em">{escape(SIGNATURE)}</p>\n'
        "</body></html>\n"
    )
